"""Importers killed in mid-file, and two at the same file: in the end everything is as after one clean run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings

from segments.consent.models import ConsentEntry, Subscription
from segments.subscribers.models import AttributeDefinition, ExternalId, QuarantinedValue, Subscriber
from segments.transfer.models import Import, Rejection
from segments.transfer.services import configure_import, create_import, run_import, start_import, suggest_columns
from tests.factories import make_topic
from tests.servers import ROOT, database_url, wait_until

pytestmark = [pytest.mark.server, pytest.mark.django_db(transaction=True)]

KILLS = 20 if os.environ.get("FULL") else 4
ROWS = 2000
IMPORTER = """
import django
django.setup()
from personalize.core import queue
from segments.transfer import engine
engine.CHUNK_ROWS = 50
while True:
    queue.look()
"""


@pytest.fixture
def people(tmp_path) -> Path:
    """A file with new people, people twice, misfits and rows that are no good."""
    make_topic("news")
    AttributeDefinition.objects.create(key="points", label="Points", type="int")
    path = tmp_path / "people.csv"
    with path.open("w") as stream:
        stream.write("email,external_id,first_name,attributes.points\n")
        for row in range(ROWS):
            address = "nobody" if row % 97 == 0 else f"p{row % (ROWS - 200)}@post.example"
            stream.write(f"{address},{row % (ROWS - 200)},Nina {row},{'many' if row % 50 == 0 else row}\n")
    return path


def imported(path: Path) -> Import:
    """An import of the file, ready for whoever looks."""
    job = create_import(kind="subscribers", name="people.csv", path=path, actor="command", keep=True)
    news = make_topic("news")
    assert configure_import(job=job, columns=suggest_columns(job), actor="command", topic=news, basis="form") is None
    assert start_import(job=job, actor="command") is None
    return job


def importer() -> subprocess.Popen[bytes]:
    """A process that imports what is ready, by small chunks, until it is killed."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "personalize.settings",
        "DATABASE_URL": database_url(),
        "SECRET_KEY": settings.SECRET_KEY,
        "VAR_DIR": str(settings.VAR),
        "IMPORT_LEASE_SECONDS": "1",
        "LOG_LEVEL": "ERROR",
    }
    return subprocess.Popen([sys.executable, "-c", IMPORTER], cwd=ROOT, env=environment)


def state() -> list[list[tuple[object, ...]]]:
    """Everything that an import writes, without ids and times."""
    return [
        list(Subscriber.objects.order_by("email").values_list("email", "first_name", "attributes", "lock_version")),
        list(ExternalId.objects.order_by("value").values_list("subscriber__email", "value")),
        list(Subscription.objects.order_by("subscriber__email").values_list("subscriber__email", "state")),
        list(ConsentEntry.objects.order_by("subscriber__email").values_list("subscriber__email", "action")),
        list(QuarantinedValue.objects.order_by("subscriber__email").values_list("subscriber__email", "raw", "line")),
        list(Rejection.objects.order_by("line").values_list("line", "reason")),
    ]


def clean_run(path: Path) -> tuple[list[list[tuple[object, ...]]], dict[str, int]]:
    """What one undisturbed run leaves; the tables are empty again afterwards."""
    job = run_import(imported(path))
    assert job.state == "finished", job.reason
    kept, counts = state(), job.counts
    for model in (ConsentEntry, Subscription, Subscriber, Import):
        model.objects.all().delete()
    return kept, counts


def test_an_import_killed_at_random_points_ends_as_one_clean_run(people, monkeypatch):
    monkeypatch.setattr("segments.transfer.engine.CHUNK_ROWS", 50)
    wanted, counts = clean_run(people)
    chance = random.Random(11)
    job = imported(people)
    kills = 0
    deadline = time.monotonic() + 60 + 15 * KILLS
    while kills < KILLS:
        process = importer()
        cursor = Import.objects.get(pk=job.pk).cursor
        try:
            wait_until(lambda cursor=cursor: moved(job, cursor), seconds=60, what="A further chunk")
            time.sleep(chance.random() * 0.2)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        kills += 1
        assert time.monotonic() < deadline
        if Import.objects.get(pk=job.pk).state == "finished":
            break
    process = importer()
    try:
        wait_until(lambda: Import.objects.get(pk=job.pk).state == "finished", seconds=90, what="The end")
    finally:
        process.kill()
        process.wait()
    job.refresh_from_db()
    assert state() == wanted
    assert (job.cursor, job.counts) == (ROWS, counts)


def moved(job: Import, cursor: int) -> bool:
    now = Import.objects.get(pk=job.pk)
    return now.cursor > cursor or now.state == "finished"


def test_the_same_file_by_two_importers_at_once_is_the_same_as_once(people, monkeypatch):
    monkeypatch.setattr("segments.transfer.engine.CHUNK_ROWS", 50)
    wanted, _counts = clean_run(people)
    jobs = [imported(people), imported(people)]
    processes = [importer(), importer()]
    try:
        for job in jobs:
            wait_until(lambda job=job: Import.objects.get(pk=job.pk).state == "finished", seconds=90, what="The end")
    finally:
        for process in processes:
            process.kill()
            process.wait()
    both = [Import.objects.get(pk=job.pk) for job in jobs]
    Rejection.objects.filter(job=both[1]).delete()
    found = state()
    # Who was changed twice on the way has another version; what is known of everybody is the same.
    for tables in (found, wanted):
        tables[0] = [row[:3] for row in tables[0]]
    assert found == wanted
    assert sum(job.counts["created"] for job in both) == len(found[0])
    assert sum(job.counts["subscribed"] for job in both) == len(found[2])
