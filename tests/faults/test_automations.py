"""Automations on real workers: killed, rung by many beats at once, rung three times over, and left alone for six hours."""

from __future__ import annotations

import contextlib
import datetime as dt
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import current_app

from campaigns.automations import services
from campaigns.automations.models import Automation, AutomationVersion, Enrolment, StepVisit
from campaigns.delivery.models import Message
from campaigns.delivery.types import MessageState
from personalize.content.services import create_template
from personalize.core.clock import now
from tests.factories import make_enrolment, make_follower, make_sender, make_topic
from tests.faults.conftest import BLOCKS, worker_for
from tests.servers import ROOT, wait_until

pytestmark = [pytest.mark.server, pytest.mark.django_db(transaction=True)]

KILLS = 4
WAVE = 60
WINDOW = 8


@pytest.fixture
def automation(transactional_db, brand, maya) -> Automation:
    """Two mails with a step between them that does not wait, so that one transaction takes people through all three."""
    template = str(
        create_template(name="Hello", subject="{{ greeting }}", preheader="", blocks=BLOCKS, actor=maya).uuid
    )
    definition = {
        "v": 1,
        "trigger": {"on": "call"},
        "steps": [
            {"id": "one", "type": "mail", "template": template, "late": [5, "hours"], "next": "which"},
            {"id": "which", "type": "split", "ways": [{"share": 50, "next": "rest"}, {"share": 50, "next": "rest"}]},
            {"id": "rest", "type": "wait", "for": [1, "days"]},
        ],
    }
    made = services.create_automation(
        name="Hello", actor=maya, definition=definition, topic=make_topic(), sender=make_sender()
    )
    assert isinstance(services.publish(automation=made, actor=maya), AutomationVersion)
    return made


def come_in(automation: Automation, number: int, due_at: dt.datetime | None = None, name: str = "p") -> list[str]:
    """So many people who are due at the first step; gives their addresses."""
    at = due_at or now()
    addresses = []
    for one in range(number):
        person = make_follower(make_topic(), f"{name}{one}@post.example", first_name=f"Nina{one}", city="Bath")
        fields: dict[str, Any] = {"came_at": at, "due_at": at, "started_at": at, "activity_at": at}
        make_enrolment(automation, person, state="active", step="one", **fields)
        addresses.append(f"{name}{one}@post.example")
    return addresses


def everybody_rests() -> bool:
    return not Enrolment.objects.exclude(state="waiting", step="rest").exists()


def all_settled() -> bool:
    return everybody_rests() and not Message.objects.open().exists()


def visits() -> Counter[str]:
    return Counter(StepVisit.objects.values_list("step", flat=True))


@contextlib.contextmanager
def beats(number: int, folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """So many beat processes, none of which knows of the others."""
    running = []
    try:
        for one in range(number):
            command = [sys.executable, "-m", "celery", "-A", "personalize.celery", "beat", "--loglevel=INFO"]
            command += ["--schedule", str(folder / f"schedule{one}"), "--pidfile="]
            with (folder / f"beat{one}.log").open("w") as log:
                running.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log))
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def test_workers_that_are_killed_take_everybody_through_every_step_once(automation, server, tmp_path):
    server.script.seconds = 0.002
    workers = []
    for number in range(2):
        folder = tmp_path / f"worker{number}"
        folder.mkdir()
        workers.append(worker_for(server, folder))
    people: list[str] = []
    for worker in workers:
        worker.start()
    try:
        for wave in range(KILLS):
            seen = StepVisit.objects.count()
            people += come_in(automation, WAVE, name=f"w{wave}-")
            wait_until(lambda seen=seen: StepVisit.objects.count() > seen, seconds=60, what="A step")
            victim = workers[wave % 2]
            victim.kill()
            victim.start()
        wait_until(all_settled, seconds=90, what="The rest of everybody")
    finally:
        for worker in workers:
            worker.kill()
    accepted = server.addresses()
    doubtful = set(Message.objects.filter(state=MessageState.IN_DOUBT).values_list("subscriber__email", flat=True))
    assert visits() == {"one": len(people), "which": len(people)}
    assert Message.objects.count() == len(people)
    assert len(accepted) == len(set(accepted)), "somebody was mailed twice"
    assert set(accepted) | doubtful == set(people)
    assert len(doubtful) <= WINDOW * KILLS


@pytest.mark.parametrize("number", [2, 5])
def test_several_beats_are_as_good_as_one(automation, server, tmp_path, number):
    worker = worker_for(server, tmp_path, LOOK_EVERY_SECONDS="0.3", IDLE_LOOK_SECONDS="60")
    worker.start()
    try:
        with beats(number, tmp_path, worker._environment):
            people = come_in(automation, 30)
            wait_until(all_settled, seconds=90, what="The rest of everybody")
    finally:
        worker.stop()
    assert sorted(server.addresses()) == sorted(people)
    assert visits() == {"one": 30, "which": 30}


def test_wake_ups_that_come_three_times_and_in_any_order_have_no_effect(automation, server, tmp_path):
    worker = worker_for(server, tmp_path, IDLE_LOOK_SECONDS="60")
    worker.start()
    people = come_in(automation, 30)
    wake_ups = ["core.look", "automations.look", "delivery.look"] * 9
    random.Random(7).shuffle(wake_ups)
    current_app.autodiscover_tasks(force=True)
    try:
        for name in wake_ups:
            current_app.tasks[name].apply_async()
        wait_until(all_settled, seconds=60, what="The rest of everybody")
        for name in wake_ups:
            current_app.tasks[name].apply_async()
        wait_until(
            lambda: sum(worker.succeeded(name) for name in set(wake_ups)) >= 2 * len(wake_ups),
            seconds=60,
            what="Every wake-up",
        )
    finally:
        worker.stop()
    assert sorted(server.addresses()) == sorted(people)
    assert visits() == {"one": 30, "which": 30}


def test_after_six_hours_without_anybody_looking_what_is_due_is_done_oldest_first_and_what_is_too_late_is_said(
    automation, server, tmp_path
):
    at = now()
    early = come_in(automation, 10, at - dt.timedelta(hours=6), name="early")
    in_time = [come_in(automation, 5, at - dt.timedelta(hours=hours), name=f"h{hours}-") for hours in (4, 2, 1)]
    worker = worker_for(server, tmp_path)
    worker.start()
    try:
        wait_until(all_settled, seconds=60, what="The rest of everybody")
    finally:
        worker.stop()
    late = StepVisit.objects.filter(step="one", outcome="skipped").order_by("pk")
    mailed = StepVisit.objects.filter(step="one", outcome="mailed").order_by("pk")
    assert [visit.enrolment.subscriber.email for visit in late] == early
    assert {visit.detail["reason"] for visit in late} == {"too_late"}
    assert [visit.enrolment.subscriber.email for visit in mailed] == [one for wave in in_time for one in wave]
    assert sorted(server.addresses()) == sorted(one for wave in in_time for one in wave)
