"""News that come late hold the mails that they might have stopped."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.core.cache import cache

from campaigns.automations import guard
from campaigns.automations.definition import read
from campaigns.automations.models import StepVisit
from campaigns.automations.nodes import Definition
from campaigns.delivery.models import Message
from campaigns.delivery.types import MessageState
from segments.events.models import Event
from tests.factories import NOW, make_automation, make_enrolment, make_mailing, make_subscriber

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)
ORDERED = {"event": "order_placed", "reason": "ordered"}


@pytest.fixture(autouse=True)
def forgotten():
    cache.clear()
    yield
    cache.clear()


def orders(*, every: dt.timedelta, since: dt.datetime, until: dt.datetime, lag: dt.timedelta = dt.timedelta()) -> None:
    """A shop's trade: one order after the other, each heard of ``lag`` after it was placed."""
    person = make_subscriber()
    moment, rows = since, []
    while moment < until:
        rows.append(
            Event(
                subscriber=person,
                name="order_placed",
                occurred_at=moment - lag,
                received_at=moment,
                source="shop",
                idempotency_key=uuid.uuid4().hex,
                processed_at=moment,
            )
        )
        moment += every
    Event.objects.bulk_create(rows)


def guarded() -> Definition:
    definition = read({"v": 1, "trigger": {"on": "call"}, "steps": [], "exits": [ORDERED], "guarded": True})
    assert isinstance(definition, Definition)
    return definition


def test_a_shop_that_orders_come_from_as_ever_is_fresh():
    orders(every=HOUR / 2, since=NOW - 24 * 28 * HOUR, until=NOW)
    assert not guard.is_stale(guarded(), NOW)


def test_a_shop_that_falls_silent_for_as_long_as_seven_orders_take_is_stale():
    orders(every=HOUR / 2, since=NOW - 24 * 28 * HOUR, until=NOW - 4 * HOUR)
    assert guard.feed(["order_placed"], NOW).expected == pytest.approx(8, abs=1)
    assert guard.is_stale(guarded(), NOW)


def test_a_silence_that_is_usual_at_this_hour_is_none():
    """Nobody ever orders in the night: four silent hours then are nothing, while at noon they would be."""
    for day in range(28):
        morning = (NOW - dt.timedelta(days=28 - day)).replace(hour=8, minute=0)
        orders(every=HOUR / 2, since=morning, until=morning + 12 * HOUR)
    night = NOW.replace(hour=4)
    assert not guard.is_stale(guarded(), night)
    cache.clear()
    assert guard.is_stale(guarded(), NOW.replace(hour=13))


def test_a_small_or_new_shop_is_not_accused():
    orders(every=30 * HOUR, since=NOW - 24 * 28 * HOUR, until=NOW - 40 * HOUR)
    assert not guard.is_stale(guarded(), NOW)
    cache.clear()
    Event.objects.all().delete()
    orders(every=HOUR / 4, since=NOW - 60 * HOUR, until=NOW - 5 * HOUR)
    assert not guard.is_stale(guarded(), NOW)


def test_orders_that_are_heard_of_hours_later_make_it_stale():
    orders(every=HOUR / 4, since=NOW - 5 * HOUR, until=NOW, lag=2 * HOUR)
    assert guard.feed(["order_placed"], NOW).lag == 2 * HOUR
    assert guard.is_stale(guarded(), NOW)


def test_what_is_not_guarded_is_never_held():
    orders(every=HOUR / 4, since=NOW - 5 * HOUR, until=NOW, lag=2 * HOUR)
    definition = read({"v": 1, "trigger": {"on": "call"}, "steps": [], "exits": [ORDERED]})
    assert isinstance(definition, Definition)
    assert not guard.is_stale(definition, NOW)


@pytest.mark.parametrize(("placed", "heard", "wrong"), [(-2, 1, 1), (-2, -1, 0), (1, 2, 0), (-9, 1, 0)])
def test_a_mail_after_an_order_that_was_heard_of_too_late_is_counted_as_wrong(placed: int, heard: int, wrong: int):
    automation = make_automation(definition={"v": 1, "trigger": {"on": "call"}, "steps": [], "exits": [ORDERED]})
    person = make_subscriber()
    message = Message.objects.create(
        uuid=uuid.uuid4(),
        mailing=make_mailing(),
        subscriber=person,
        address_key="k",
        state=MessageState.SENT,
        created_at=NOW,
        handed_at=NOW,
    )
    enrolment = make_enrolment(automation, person, started_at=NOW - 5 * HOUR)
    StepVisit.objects.create(enrolment=enrolment, step="mail", outcome="mailed", at=NOW, message=message.uuid)
    Event.objects.create(
        subscriber=person,
        name="order_placed",
        occurred_at=NOW + placed * HOUR,
        received_at=NOW + heard * HOUR,
        source="shop",
        idempotency_key="o1",
    )
    assert guard.false_positives(automation=automation, since=NOW - HOUR) == guard.FalsePositives(wrong, 1)
