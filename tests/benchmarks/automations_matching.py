"""Storing events in batches, alone and while a worker matches them with 100 live automations.

Give TEST_DATABASE_URL for PostgreSQL. Both ways take turns, so that whatever else the machine does hits both alike.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.utils.timezone import now

from campaigns.automations.enrolling import sweep_events
from campaigns.automations.models import Enrolment
from segments.events.models import Event
from segments.events.services import take_events
from segments.events.types import Fate, GivenEvent
from segments.subscribers.lookup import Reference
from segments.subscribers.services import upsert_subscribers
from segments.subscribers.types import SubscriberRow
from tests.benchmarks.harness import bench
from tests.factories import make_automation
from tests.servers import ROOT, database_url

PEOPLE = 5_000
PRODUCTS = 500
AUTOMATIONS = 100
BATCH = 500
ROUNDS = 5
NAMES = ("product_viewed", "product_viewed", "product_viewed", "wish_list_shared", "page_read")


def make_automations() -> None:
    """A hundred live ones: half of them for what people look at, the others for what else they do; all end by an order."""
    triggers: list[dict[str, Any]] = [
        {"event": "product_viewed", "where": [{"field": "subject", "op": "in", "value": [f"P{n}", f"P{n + 50}"]}]}
        for n in range(AUTOMATIONS // 2)
    ] + [
        {"event": ["wish_list_shared", "cart_updated"], "where": [{"field": "items", "op": ">", "value": n}]}
        for n in range(AUTOMATIONS // 2)
    ]
    for number, trigger in enumerate(triggers):
        make_automation(
            f"Automation {number}",
            definition={
                "v": 1,
                "trigger": {"on": "event", **trigger},
                "entry": {"cooldown": [7, "days"], "cooldown_from": "entry", "no_order_since": [1, "days"]},
                "exits": [{"event": "order_placed", "reason": "ordered"}],
                "steps": [{"id": "wait", "type": "wait", "for": [2, "hours"], "since": "activity"}],
            },
        )


def batches(count: int) -> list[list[GivenEvent]]:
    return [[an_event(number * BATCH + place) for place in range(BATCH)] for number in range(count)]


def an_event(number: int) -> GivenEvent:
    return GivenEvent(
        person=Reference(email=f"person{number * 7 % PEOPLE}@post.example"),
        name=NAMES[number % len(NAMES)],
        occurred_at=now(),
        subject=f"P{number % PRODUCTS}",
        properties={"channel": "app", "items": number // len(NAMES) % 5, "list": "Winter"},
        idempotency_key=uuid.uuid4().hex,
    )


def store(count: int) -> float:
    """Seconds that it takes to store so many batches."""
    given = batches(count)
    started = time.perf_counter()
    for events in given:
        taken = take_events(events=events, source="shop", may_create=False)
        if any(fate is not Fate.STORED for fate, _reason in taken.fates):
            raise SystemExit("Events were refused, so the figures mean nothing.")
    return time.perf_counter() - started


@contextlib.contextmanager
def sweeper() -> Iterator[None]:
    """A worker at its sweep, in a process of its own."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "personalize.settings",
        "DATABASE_URL": database_url(),
        "SECRET_KEY": settings.SECRET_KEY,
        "ENV_FILE": os.devnull,
    }
    command = [sys.executable, "-m", "tests.benchmarks.matching_sweeper"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        if process.stdout.readline() != b"ready\n":
            raise SystemExit("The sweeping process did not start.")
        try:
            yield
        finally:
            process.terminate()


def unheard() -> int:
    return Event.objects.filter(processed_at__isnull=True).count()


def main() -> None:
    with bench(__doc__ or "", unit="events", rows=20_000) as (running, rows):
        upsert_subscribers(
            rows=[SubscriberRow(email=f"person{number}@post.example") for number in range(PEOPLE)], source="shop"
        )
        make_automations()
        count = max(1, rows // BATCH)
        store(2)
        Event.objects.update(processed_at=now())
        heard = 0
        for _round in range(ROUNDS):
            running.add("stored alone", count * BATCH, store(count))
            Event.objects.filter(processed_at__isnull=True).update(processed_at=now())
            with sweeper():
                seconds = store(count)
                heard += count * BATCH - unheard()
            running.add("stored while matched", count * BATCH, seconds, baseline="stored alone")
            Event.objects.filter(processed_at__isnull=True).update(processed_at=now())
        store(count)
        started = time.perf_counter()
        while sweep_events():
            pass
        running.add("matched alone", count * BATCH, time.perf_counter() - started)
        alone, matched = running.measures[0], running.measures[1]
        running.say(
            f"Matching {AUTOMATIONS} live automations slows storing by {1 - matched.per_second / alone.per_second:.0%}; "
            f"{heard / (ROUNDS * count * BATCH):.0%} of the events were matched while the others were stored. "
            f"{Enrolment.objects.count():,} enrolments."
        )


if __name__ == "__main__":
    main()
