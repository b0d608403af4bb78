"""News that come late hold the mails that they might have stopped."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from campaigns.automations import guard
from campaigns.automations.definition import read
from campaigns.automations.models import Automation, StepVisit
from campaigns.automations.nodes import Definition
from campaigns.automations.services import turn_off
from campaigns.delivery.models import Message
from campaigns.delivery.types import MessageState
from personalize.accounts.models import Brand, User
from personalize.core.clock import now
from segments.events.models import Event
from segments.subscribers.models import Subscriber
from tests.automations.cast import make_event
from tests.factories import NOW, make_automation, make_enrolment, make_mailing, make_subscriber

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)
CALLED: dict[str, Any] = {"v": 1, "trigger": {"on": "call"}, "steps": []}
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


def make_mailed(automation: Automation, person: Subscriber, at: dt.datetime) -> None:
    """A mail of the automation that went out at ``at``."""
    message = Message.objects.create(
        uuid=uuid.uuid4(),
        mailing=make_mailing(),
        subscriber=person,
        address_key=person.address_key,
        state=MessageState.SENT,
        created_at=at,
        handed_at=at,
    )
    enrolment = make_enrolment(automation, person, started_at=at - 5 * HOUR)
    StepVisit.objects.create(enrolment=enrolment, step="mail", outcome="mailed", at=at, message=message.uuid)


def the_strip(page: Client, automation: Automation) -> dict[str, Any]:
    stats = page.get(f"/automations/{automation.uuid}/").context["stats"]
    return {str(stat.label): stat.value for stat in stats}


@pytest.fixture
def page(client: Client, brand: Brand, maya: User) -> Client:
    client.force_login(maya)
    return client


def test_the_strip_says_how_many_mails_went_out_after_an_order(page):
    automation = make_automation(definition={**CALLED, "exits": [ORDERED]})
    ann, ben = make_subscriber(), make_subscriber()
    assert the_strip(page, automation)["After an order"] is None
    make_mailed(automation, ann, now() - HOUR)
    make_mailed(automation, ben, now() - HOUR)
    make_mailed(automation, ben, now() - 31 * 24 * HOUR)
    make_event(ann, "order_placed", at=now() - 2 * HOUR, received_at=now())
    assert the_strip(page, automation)["After an order"] == "1 of 2"


def test_the_strip_says_nothing_of_orders_where_no_event_ends_the_automation(page):
    by_rule = {"rule": {"attr": "country", "op": "is", "value": "GB"}, "reason": "home"}
    for name, exits in (("None", []), ("Rule", [by_rule]), ("Same", [{**ORDERED, "about": "same"}])):
        automation = make_automation(name, definition={**CALLED, "exits": exits})
        assert not {"After an order", "After its end"} & set(the_strip(page, automation))


def test_an_automation_that_another_event_ends_does_not_speak_of_orders(page):
    automation = make_automation(definition={**CALLED, "exits": [{"event": "review_written", "reason": "reviewed"}]})
    strip = the_strip(page, automation)
    assert "After its end" in strip
    assert "After an order" not in strip


def late(**more: Any) -> Automation:
    """A guarded automation in a shop whose orders are heard of hours later."""
    at = now()
    orders(every=HOUR / 4, since=at - 5 * HOUR, until=at, lag=2 * HOUR)
    return make_automation(definition={**CALLED, "exits": [ORDERED], "guarded": True, **more})


def test_the_page_warns_when_news_of_orders_are_late_and_leads_to_what_is_held(page):
    automation = late()
    text = page.get(f"/automations/{automation.uuid}/").content.decode()
    assert "News of orders is late" in text
    assert "held until it comes" in text
    for reason in ("stale", "stale", "review"):
        make_enrolment(automation, make_subscriber(), state="held", reason=reason, due_at=None)
    text = page.get(f"/automations/{automation.uuid}/").content.decode()
    assert "2 mails are held" in text
    assert f"/automations/{automation.uuid}/held/?reason=stale" in text


def test_the_page_does_not_warn_of_what_holds_no_mail(page):
    automation = late(guarded=False)
    assert "is late" not in page.get(f"/automations/{automation.uuid}/").content.decode()
    off = make_automation("Off", definition={**CALLED, "exits": [ORDERED], "guarded": True})
    turn_off(automation=off, actor="system")
    assert "is late" not in page.get(f"/automations/{off.uuid}/").content.decode()
