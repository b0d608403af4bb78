"""How late a due step is met by a real worker that has nothing else to do, at the percentiles.

People become due one by one, spread over half a minute; what counts is when their step was met, not when it was written.
"""

from __future__ import annotations

import datetime as dt
import random
import tempfile
import time
from pathlib import Path

from campaigns.automations.models import Enrolment, StepVisit
from personalize.core.clock import now
from tests.automations.ways import live, wait
from tests.benchmarks.automations_steps import make_people
from tests.benchmarks.harness import Bench, bench
from tests.servers import RealWorker

SPREAD = 30.0
PATIENCE = 60.0


def make_due(people: int, at: dt.datetime) -> None:
    automation = live(wait("wait", "rest"), wait("rest"))
    chance = random.Random(7)
    for person in make_people(people, at):
        due_at = at + dt.timedelta(seconds=chance.uniform(0, SPREAD))
        Enrolment.objects.create(
            automation=automation,
            version=automation.live,
            subscriber=person,
            entry_key="once",
            state="waiting",
            step="wait",
            came_at=due_at - dt.timedelta(days=1),
            due_at=due_at,
            started_at=at,
            activity_at=at,
            created_at=at,
        )


def lateness(running: Bench, people: int) -> None:
    due = dict(Enrolment.objects.values_list("pk", "due_at"))
    deadline = time.monotonic() + SPREAD + PATIENCE
    while StepVisit.objects.count() < people:
        if time.monotonic() > deadline:
            raise SystemExit("Not everybody was taken on; the figures mean nothing.")
        time.sleep(0.5)
    late = sorted((at - due[pk]).total_seconds() for pk, at in StepVisit.objects.values_list("enrolment", "at"))
    for percent in (50, 95, 99):
        seconds = late[min(len(late) - 1, len(late) * percent // 100)]
        running.add(f"late at {percent} %", 1, max(seconds, 1e-6))
        running.say(f"{percent} of 100 due steps are met within {seconds:.2f} s.")


def main() -> None:
    with bench(__doc__ or "", unit="people", rows=300) as (running, rows), tempfile.TemporaryDirectory() as folder:
        worker = RealWorker(Path(folder), **{"CELERY_BROKER_URL": "filesystem://", "VAR_DIR": folder})
        worker.start()
        try:
            make_due(rows, now() + dt.timedelta(seconds=5))
            lateness(running, rows)
        finally:
            worker.stop()


if __name__ == "__main__":
    main()
