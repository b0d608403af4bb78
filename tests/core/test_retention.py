"""What is older than it may be kept is removed, by the day and by the command, in slices and as the settings say."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import signal
import uuid
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.core.management import CommandError, call_command

from campaigns.automations.models import Call, Enrolment, LeftOut
from campaigns.delivery.models import Message
from campaigns.delivery.types import MessageState
from campaigns.tracking.models import Hit
from personalize.accounts.models import ApiKey, AuditEntry, IdempotentAnswer
from personalize.core import audit, registries, retention
from personalize.core.checks import check_retention
from segments.commerce.models import Connection, Receipt
from segments.consent.models import Subscription
from segments.events.models import Event
from segments.transfer.models import Import, Rejection
from tests.factories import (
    NOW,
    make_automation,
    make_enrolment,
    make_mailing,
    make_subscriber,
    make_subscription,
    make_topic,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _today(settings, tmp_path):
    settings.VAR = tmp_path
    cache.clear()
    with time_machine.travel(NOW, tick=False):
        yield
    cache.clear()


def ago(days: float) -> dt.datetime:
    return NOW - dt.timedelta(days=days)


def make_answers(*ages: float) -> None:
    key = ApiKey.objects.create(name="Shop", prefix="x", hash="x", created_at=NOW, created_by="Maya")
    for age in ages:
        IdempotentAnswer.objects.create(api_key=key, key=uuid.uuid4().hex, fingerprint="x", created_at=ago(age))


def prune(**options: Any) -> dict[str, Any]:
    out = io.StringIO()
    call_command("prune", json=True, stdout=out, **options)
    return json.loads(out.getvalue())


def make_old_things(tmp_path: Path) -> None:
    """One thing just old enough to go and one that may just stay, of every kind."""
    person, topic = make_subscriber(), make_topic()
    make_answers(0.9, 1.1)
    shop = Connection.objects.create(name="Shop", kind="custom", secret="s", created_at=NOW)
    for age in (29, 31):
        Receipt.objects.create(connection=shop, delivery=str(age), received_at=ago(age), state="taken", body={})
        job = Import.objects.create(kind="subscribers", name="x.csv", digest="0", size=1, created_at=ago(age))
        Rejection.objects.create(job=job, line=age, reason="bad", values=[])
        make_subscription(make_subscriber(), topic, "pending", changed_at=ago(age))
        path = tmp_path / "imports" / f"{age}.rejects.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text("line,reason\n")
        os.utime(path, (ago(age).timestamp(),) * 2)
    for age in (729, 731):
        Message.objects.create(
            uuid=uuid.uuid4(),
            mailing=make_mailing(topic),
            subscriber=person,
            address_key=person.address_key,
            state=MessageState.SENT,
            created_at=ago(age),
            trace={"name": "Ann"},
        )
    automation = make_automation()
    for age in (729, 731):
        make_enrolment(
            automation, person, context={"key": "c1"}, state="done", due_at=None, ended_at=ago(age), created_at=ago(age)
        )
    way = make_enrolment(automation, person)
    for age in (364, 366):
        LeftOut.objects.create(automation=automation, subscriber=person, entry_key=str(age), reason="late", at=ago(age))
    for age in (89, 91):
        Call.objects.create(enrolment=way, step=str(age), body={}, state="done", created_at=ago(age), ended_at=ago(age))
    sent = Message.objects.first()
    for kind, age in (("click", 29), ("click", 31), ("open", 389), ("open", 391), ("click", 391)):
        Hit.objects.create(
            message=sent, kind=kind, at=ago(age), method="GET", agent="Firefox", verdict="human", rule_version=1
        )


def test_every_kind_goes_when_its_time_is_over_and_not_before(tmp_path):
    make_old_things(tmp_path)
    make_subscription(make_subscriber(), make_topic(), "subscribed", changed_at=ago(999))
    audit.record(actor="Maya", action="setup")
    AuditEntry.objects.update(at=ago(9999))
    expected = dict.fromkeys(("answers", "receipts", "rejections", "reject_files", "unconfirmed", "mail_contents"), 1)
    expected |= {"opens": 1, "hit_origins": 4, "automation_triggers": 1, "left_out": 1, "calls": 1}
    foretold = prune(dry_run=True)
    assert {kind: row["found"] for kind, row in foretold.items()} == expected
    assert {row["pruned"] for row in foretold.values()} == {0}
    pruned = prune()
    assert {kind: row["pruned"] for kind, row in pruned.items()} == expected
    assert {row["found"] for row in prune().values()} == {0}
    assert Receipt.objects.get().received_at == ago(29)
    assert Rejection.objects.get().line == 29
    assert [path.name for path in (tmp_path / "imports").iterdir()] == ["29.rejects.csv"]
    assert set(Subscription.objects.values_list("state", "changed_at")) == {
        ("pending", ago(29)),
        ("subscribed", ago(999)),
    }
    assert list(Message.objects.order_by("created_at").values_list("trace", flat=True)) == [None, {"name": "Ann"}]
    # Of clicks the verdict stays, for reports count them; of opens what is older than 13 months goes.
    assert sorted(Hit.objects.values_list("kind", "agent")) == [
        ("click", ""),
        ("click", ""),
        ("click", "Firefox"),
        ("open", ""),
    ]
    assert [left.entry_key for left in LeftOut.objects.all()] == ["364"]
    assert [call.step for call in Call.objects.all()] == ["89"]
    assert sorted(Enrolment.objects.filter(state="done").values_list("context", flat=True), key=len) == [
        {},
        {"key": "c1"},
    ]
    assert AuditEntry.objects.filter(action="setup").exists()


def test_events_are_kept_for_ever_unless_the_settings_say_otherwise(settings):
    person = make_subscriber()
    for age in (10, 400):
        Event.objects.create(
            subscriber=person,
            name="x",
            occurred_at=ago(age),
            received_at=NOW,
            source="shop",
            idempotency_key=str(age),
            processed_at=NOW,
        )
    assert "events" not in prune()
    settings.RETENTION_DAYS = {"events": "365", "answers": "never"}
    make_answers(99)
    pruned = prune()
    assert pruned["events"]["pruned"] == 1
    assert "answers" not in pruned
    assert Event.objects.get().occurred_at == ago(10)
    assert IdempotentAnswer.objects.exists()


def test_an_event_that_was_not_yet_looked_at_is_not_pruned(settings):
    settings.RETENTION_DAYS = {"events": "1"}
    Event.objects.create(
        subscriber=make_subscriber(), name="x", occurred_at=ago(9), received_at=NOW, source="shop", idempotency_key="x"
    )
    assert prune()["events"]["pruned"] == 0


def test_the_workers_do_it_once_a_day_a_slice_at_each_turn(monkeypatch):
    monkeypatch.setattr(retention, "SLICE", 2)
    make_answers(2, 2, 2)
    assert retention.look()
    assert IdempotentAnswer.objects.count() == 1
    assert retention.look()
    assert not IdempotentAnswer.objects.exists()
    assert not retention.look()
    IdempotentAnswer.objects.create(api_key=ApiKey.objects.get(), key="late", fingerprint="x", created_at=ago(2))
    assert not retention.look()
    assert IdempotentAnswer.objects.exists()


def test_ctrl_c_ends_after_the_slice_in_hand_and_what_is_gone_stays_gone(monkeypatch):
    monkeypatch.setattr(retention, "SLICE", 2)
    make_answers(2, 2, 2, 2, 2)
    entry = registries.retention.get("answers")

    def interrupted(before: dt.datetime) -> int:
        os.kill(os.getpid(), signal.SIGINT)
        return entry.prune(before)

    changed = type(entry)(**{**entry.__dict__, "prune": interrupted})
    monkeypatch.setitem(registries.retention._entries, "answers", changed)
    with pytest.raises(SystemExit) as stopped:
        prune(kind=["answers"])
    assert stopped.value.code == 130
    assert IdempotentAnswer.objects.count() == 3


def test_one_kind_is_pruned_alone_and_an_unknown_one_is_said():
    make_answers(2)
    assert set(prune(kind=["receipts"])) == {"receipts"}
    assert IdempotentAnswer.objects.exists()
    with pytest.raises(CommandError, match=r"no kind crumbs.*answers"):
        prune(kind=["crumbs"])


@pytest.mark.parametrize("said", [{"crumbs": "3"}, {"events": "a year"}, {"events": ""}, {"events": "-1"}])
def test_settings_that_cannot_be_read_are_said_at_the_start(settings, said):
    settings.RETENTION_DAYS = said
    (problem,) = check_retention()
    assert problem.id == "personalize.E007"
    settings.RETENTION_DAYS = {"events": "365", "opens": "never"}
    assert check_retention() == []
