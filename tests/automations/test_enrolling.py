"""Coming in, going out, being woken and waiting anew, by stored events."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.automations import services
from campaigns.automations.enrolling import enrol, enrol_by_hand, sweep_events
from campaigns.automations.leaving import exit_enrolments, take_out
from campaigns.automations.models import Automation, Enrolment, LeftOut, StepVisit
from campaigns.automations.types import Arrival, LeftOutReason
from campaigns.delivery.models import Message
from campaigns.delivery.services import write_messages
from campaigns.delivery.types import MessageState, NewMessage
from personalize.accounts.models import AuditEntry
from segments.commerce.services import store_carts, store_orders
from segments.commerce.types import CartRow, LineRow, OrderRow
from segments.consent.models import Suppression, SuppressionReason
from segments.consent.services import suppress, unsubscribe
from segments.events.models import Event
from segments.segmentation.services import create_segment
from segments.subscribers.merging import merge_subscribers
from segments.subscribers.models import Subscriber
from tests.automations.cast import HOUR, MINUTE, left_out, make_cart_automation, make_event, states, sweep
from tests.factories import (
    NOW,
    make_automation,
    make_enrolment,
    make_follower,
    make_mailing,
    make_order,
    make_subscriber,
    make_subscription,
    make_topic,
)

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)


@pytest.fixture
def ann(db: None) -> Subscriber:
    return make_subscriber("ann.whitaker@post.example")


def arrivals(*people: Subscriber, key: str = "2026", **fields: Any) -> list[Arrival]:
    return [Arrival(person.pk, key, fields.get("started_at", NOW), fields.get("context", {})) for person in people]


# --- events bring people in ----------------------------------------------------------------------------------------------


def test_a_cart_brings_its_person_in_once_however_often_it_is_told(ann):
    automation = make_cart_automation()
    for minutes in range(5):
        make_event(ann, at=NOW + minutes * MINUTE)
        sweep(NOW + minutes * MINUTE)
    make_event(ann, subject="cart-78", at=NOW)
    sweep(NOW + 6 * MINUTE)
    assert states(automation) == {"cart-77": "active", "cart-78": "active"}
    assert not Event.objects.filter(processed_at__isnull=True).exists()
    assert not sweep_events(NOW + 7 * MINUTE)


def test_who_comes_in_is_due_at_the_first_step_and_where_they_would_be_had_it_been_heard_at_once(ann):
    automation = make_cart_automation()
    event = make_event(ann, amount=1_400_000)
    sweep(NOW + HOUR)
    enrolment = Enrolment.objects.get(automation=automation)
    assert (enrolment.step, enrolment.due_at, enrolment.created_at) == ("wait", NOW + HOUR, NOW + HOUR)
    assert (enrolment.started_at, enrolment.came_at, enrolment.activity_at) == (NOW, NOW, NOW)
    assert (enrolment.version, enrolment.event, enrolment.place) == (automation.live, event.uuid, None)
    assert enrolment.context["total"] == 1_400_000


def test_news_that_are_too_old_bring_nobody_in_and_the_next_ones_do(ann):
    automation = make_cart_automation()
    make_event(ann)
    sweep(NOW + 7 * HOUR)
    assert (states(automation), left_out(automation)) == ({}, {"cart-77": "late"})
    make_event(ann, at=NOW + 7 * HOUR)
    sweep(NOW + 7 * HOUR)
    assert (states(automation), left_out(automation)) == ({"cart-77": "active"}, {})


def test_history_is_never_looked_at(ann):
    automation = make_cart_automation()
    make_event(ann, historic=True, processed_at=NOW)
    assert not sweep_events(NOW)
    assert states(automation) == {}


def test_a_draft_and_one_that_is_off_let_nobody_in_and_who_is_in_it_still_goes_out(ann, maya):
    automation = make_cart_automation()
    make_cart_automation("Draft", live=False)
    make_event(ann)
    sweep(NOW)
    services.turn_off(automation=automation, actor=maya)
    make_event(ann, subject="cart-78")
    make_event(ann, "order_placed", "AW-1", NOW + MINUTE)
    sweep(NOW + MINUTE)
    assert states(automation) == {"cart-77": "ordered"}


def test_publishing_is_noticed_at_once_by_a_process_that_knew_the_version_before(ann, maya, brand):
    automation = make_automation()
    make_event(ann, "wish_list_shared", "w")
    sweep(NOW)
    draft = {**automation.draft, "trigger": {"on": "event", "event": "wish_list_shared"}}
    services.save_draft(automation=automation, lock_version=0, actor=maya, draft=draft)
    services.publish(automation=automation, actor=maya)
    make_event(ann, "wish_list_shared", "w")
    sweep(NOW)
    assert states(automation) == {"w": "active"}


def test_an_order_in_the_quarter_of_an_hour_before_a_cart_keeps_it_out_and_its_later_activity_may_come_in(ann):
    automation = make_cart_automation()
    make_order(ann, ("OAK-STOOL", 1, 140), placed_at=NOW - 14 * MINUTE)
    make_event(ann)
    sweep(NOW)
    assert left_out(automation) == {"cart-77": "ordered"}
    make_event(ann, at=NOW + 5 * MINUTE)
    sweep(NOW + 5 * MINUTE)
    assert (states(automation), left_out(automation)) == ({"cart-77": "active"}, {})


def test_an_order_imported_with_a_date_to_come_keeps_nobody_out_who_came_after_the_import(ann):
    automation = make_cart_automation()
    make_order(ann, ("OAK-STOOL", 1, 140), placed_at=NOW + 900 * DAY)
    make_event(ann, "order_placed", "AW-9", NOW + 900 * DAY, received_at=NOW - DAY, historic=True, processed_at=NOW)
    make_event(ann)
    sweep(NOW)
    assert states(automation) == {"cart-77": "active"}


def test_who_may_not_be_mailed_stays_out_with_the_reason():
    topic = make_topic()
    automation = make_cart_automation(topic=topic)
    follower, stranger = make_follower(topic), make_subscriber()
    left, barred, erased = make_subscriber(), make_follower(topic), make_follower(topic)
    Suppression.objects.create(
        address_key=barred.address_key, reason=SuppressionReason.BOUNCED, source="test", created_at=NOW
    )
    Subscriber.objects.filter(pk=erased.pk).update(email=None, erased_at=NOW)
    people = {"a": follower, "b": stranger, "c": left, "d": barred, "e": erased}
    for key, person in people.items():
        make_event(person, subject=key)
    sweep(NOW)
    assert states(automation) == {"a": "active"}
    assert left_out(automation) == {"b": "no_consent", "c": "no_consent", "d": "suppressed"}


def test_the_rule_says_whom_it_is_for(ann):
    automation = make_cart_automation(entry={"rule": {"v": 1, "all": [{"attr": "country", "op": "is", "value": "GB"}]}})
    make_event(ann)
    make_event(make_subscriber(country="GB"), subject="cart-78")
    sweep(NOW)
    assert (states(automation), left_out(automation)) == ({"cart-78": "active"}, {"cart-77": "rule"})


def test_a_rule_whose_segment_was_deleted_lets_nobody_in_and_stops_nothing_else(ann, maya):
    rule = {"v": 1, "all": [{"attr": "country", "op": "is", "value": "GB"}]}
    segment = create_segment(name="Britain", rule=rule, actor=maya)
    broken = make_cart_automation(entry={"rule": {"v": 1, "all": [{"segment": str(segment.uuid)}]}})
    whole = make_cart_automation("Whole")
    segment.delete()
    make_event(ann)
    sweep(NOW)
    assert (left_out(broken), states(whole)) == ({"cart-77": "rule"}, {"cart-77": "active"})


def test_a_thousand_carts_of_one_person_are_twenty_entries_and_a_reason_for_the_others(ann):
    automation = make_cart_automation()
    Event.objects.bulk_create(
        Event(
            subscriber=ann,
            name="cart_updated",
            subject=f"cart-{number}",
            occurred_at=NOW,
            received_at=NOW,
            source="shop",
            idempotency_key=str(number),
        )
        for number in range(1_000)
    )
    sweep(NOW)
    assert Enrolment.objects.filter(automation=automation).count() == 20
    assert set(left_out(automation).values()) == {"too_many"}
    make_event(ann, subject="cart-of-the-day-after", at=NOW + DAY)
    sweep(NOW + DAY)
    assert states(automation)["cart-of-the-day-after"] == "active"


def test_one_place_is_taken_once_and_given_back_at_the_end(ann):
    automation = make_cart_automation(entry={"again": "after_exit"})
    for minutes, name in ((0, "cart_updated"), (1, "checkout_started"), (2, "order_placed"), (40, "cart_updated")):
        make_event(ann, name, "cart-77", NOW + minutes * MINUTE)
    sweep(NOW + HOUR)
    assert sorted(states(automation).values()) == ["active", "ordered"]
    assert left_out(automation) == {}
    make_event(ann, subject="cart-78", at=NOW + HOUR)
    sweep(NOW + HOUR)
    assert left_out(automation) == {"cart-78": "open"}


def test_the_cooldown_counts_those_who_came_in_a_moment_ago(ann):
    automation = make_cart_automation(entry={"cooldown": [7, "days"], "cooldown_from": "entry"})
    make_event(ann, subject="a")
    make_event(ann, subject="b", at=NOW + MINUTE)
    sweep(NOW + MINUTE)
    assert (states(automation), left_out(automation)) == ({"a": "active"}, {"b": "cooldown"})


def test_browsing_gives_way_to_a_cart_and_ends_when_one_comes(ann):
    cart = make_cart_automation(recipe="cart")
    trigger = {"on": "event", "event": "product_viewed"}
    browse = make_cart_automation("Browse", trigger=trigger, entry={"gives_way_to": ["cart"]}, recipe="browse")
    make_event(ann, "product_viewed", "RUG")
    sweep(NOW)
    make_event(ann, at=NOW + MINUTE)
    sweep(NOW + MINUTE)
    assert (states(browse), states(cart)) == ({"RUG": "gave_way"}, {"cart-77": "active"})
    make_event(ann, "product_viewed", "LAMP", NOW + 2 * MINUTE)
    sweep(NOW + 2 * MINUTE)
    assert left_out(browse) == {"LAMP": "gives_way"}


# --- waiting anew -------------------------------------------------------------------------------------------------------


def waiting(ann: Subscriber, automation: Automation, **fields: Any) -> Enrolment:
    context = {"about": "cart", "key": "cart-77", "products": ["RUG"], "total": 1}
    return make_enrolment(
        automation, ann, **{"entry_key": "cart-77", "due_at": NOW + 2 * HOUR, "context": context, **fields}
    )


def test_activity_lets_the_wait_begin_anew_with_the_newest_cart_and_never_backwards(ann):
    enrolment = waiting(ann, make_cart_automation())
    make_event(ann, at=NOW + HOUR, amount=99)
    make_event(ann, at=NOW + 30 * MINUTE, amount=55)
    sweep(NOW + HOUR)
    enrolment.refresh_from_db()
    assert (enrolment.activity_at, enrolment.due_at) == (NOW + HOUR, NOW + 3 * HOUR)
    assert enrolment.context["total"] == 99
    make_event(ann, at=NOW + 45 * MINUTE, amount=55)
    sweep(NOW + HOUR)
    enrolment.refresh_from_db()
    assert (enrolment.due_at, enrolment.context["total"]) == (NOW + 3 * HOUR, 99)


def test_an_endless_shopper_is_not_put_off_beyond_the_most(ann):
    enrolment = waiting(ann, make_cart_automation())
    make_event(ann, at=NOW + 23 * HOUR)
    sweep(NOW + 23 * HOUR)
    enrolment.refresh_from_db()
    assert enrolment.due_at == NOW + DAY


def test_the_activity_of_another_cart_leaves_the_wait_alone(ann):
    enrolment = waiting(ann, make_cart_automation())
    make_event(ann, subject="cart-78", at=NOW + HOUR)
    sweep(NOW + HOUR)
    enrolment.refresh_from_db()
    assert (enrolment.activity_at, enrolment.due_at) == (NOW, NOW + 2 * HOUR)


def test_activity_after_the_series_ended_begins_nothing(ann):
    automation = make_cart_automation()
    waiting(ann, automation, state="done", due_at=None, ended_at=NOW)
    make_event(ann, at=NOW + HOUR)
    sweep(NOW + HOUR)
    assert states(automation) == {"cart-77": "done"}
    assert left_out(automation) == {}


# --- going out, being woken ---------------------------------------------------------------------------------------------


def test_an_order_ends_the_carts_at_once_also_when_it_is_heard_days_late(ann):
    automation = make_cart_automation()
    waiting(ann, automation)
    waiting(ann, automation, entry_key="later", started_at=NOW + 2 * DAY)
    make_event(ann, "order_placed", "AW-1", NOW + MINUTE, received_at=NOW + 3 * DAY)
    sweep(NOW + 3 * DAY)
    assert states(automation) == {"cart-77": "ordered", "later": "waiting"}


def test_news_in_the_wrong_order_mean_the_same(ann):
    automation = make_cart_automation()
    make_event(ann, "order_placed", "AW-1", NOW + MINUTE)
    sweep(NOW + MINUTE)
    make_event(ann, at=NOW, received_at=NOW + 2 * MINUTE)
    sweep(NOW + 2 * MINUTE)
    assert (states(automation), left_out(automation)) == ({}, {"cart-77": "ordered"})


def test_who_is_on_an_older_version_goes_out_by_what_that_one_says(ann, maya, brand):
    automation = make_cart_automation(exits=[{"event": "wish_list_shared", "reason": "shared"}])
    waiting(ann, automation)
    services.save_draft(automation=automation, lock_version=0, actor=maya, draft={**automation.draft, "exits": []})
    assert not isinstance(services.publish(automation=automation, actor=maya), list)
    make_event(ann, "wish_list_shared", "w", NOW + MINUTE)
    sweep(NOW + MINUTE)
    assert states(automation) == {"cart-77": "shared"}


def test_an_emptied_cart_ends_that_cart_alone(ann):
    automation = make_cart_automation()
    for key in ("cart-77", "cart-78"):
        waiting(ann, automation, entry_key=key, context={"about": "cart", "key": key})
    make_event(ann, "cart_emptied", "cart-78", NOW + MINUTE)
    sweep(NOW + MINUTE)
    assert states(automation) == {"cart-77": "waiting", "cart-78": "emptied"}


def test_an_order_of_the_shop_ends_the_cart_that_it_names(brand):
    person = make_subscriber("ann.whitaker@post.example")
    automation = make_cart_automation(exits=[{"event": "order_placed", "about": "same", "reason": "ordered"}])
    at = dt.datetime.now(dt.UTC) - MINUTE
    line = LineRow("OAK-STOOL", 1, Decimal(140))
    store_carts(
        rows=[
            CartRow("cart-1", at, [line], email=person.email or ""),
            CartRow("cart-2", at, [line], email=person.email or ""),
        ]
    )
    sweep(at + MINUTE)
    store_orders(rows=[OrderRow("AW-1", at, [line], email=person.email or "", cart="cart-1")])
    sweep(at + MINUTE)
    assert states(automation) == {"cart-1": "ordered", "cart-2": "active"}


def test_an_exit_takes_back_the_mails_that_have_not_left(ann):
    automation = make_cart_automation()
    enrolment = waiting(ann, automation)
    for step, state in (("first", MessageState.SENT), ("second", MessageState.READY)):
        mailing = make_mailing()
        [message] = write_messages(
            mailing=mailing,
            messages=[
                NewMessage(subscriber_id=ann.pk, key=f"e{enrolment.pk}", due_at=NOW, expires_at=None, context={})
            ],
        ).values()
        Message.objects.filter(uuid=message).update(state=state)
        StepVisit.objects.create(enrolment=enrolment, step=step, outcome="mailed", at=NOW, message=message)
    other = make_enrolment(automation, make_subscriber())
    assert exit_enrolments(enrolments=Enrolment.objects.filter(pk=enrolment.pk), reason="by_hand", at=NOW) == 1
    found = dict(Message.objects.values_list("state", "reason"))
    assert found == {MessageState.SENT: "", MessageState.SKIPPED: "left"}
    assert exit_enrolments(enrolments=Enrolment.objects.filter(pk=enrolment.pk), reason="by_hand", at=NOW) == 0
    other.refresh_from_db()
    assert other.state == "waiting"


AWAITS = [{"id": "wait", "type": "wait_for", "event": "checkout_started", "about": "same", "most": [1, "days"]}]


def test_who_waits_for_an_event_is_woken_by_it_alone(ann):
    enrolment = waiting(ann, make_cart_automation(steps=AWAITS), due_at=NOW + DAY)
    make_event(ann, "checkout_started", "cart-78", NOW + MINUTE)
    make_event(ann, "checkout_started", "cart-77", NOW - MINUTE)
    sweep(NOW + MINUTE)
    enrolment.refresh_from_db()
    assert enrolment.due_at == NOW + DAY
    make_event(ann, "checkout_started", "cart-77", NOW + 2 * MINUTE)
    sweep(NOW + 2 * MINUTE)
    enrolment.refresh_from_db()
    assert (enrolment.due_at, enrolment.state) == (NOW + 2 * MINUTE, "waiting")


# --- named by others ----------------------------------------------------------------------------------------------------


def test_the_same_arrivals_again_let_nobody_in_twice():
    automation = make_automation()
    people = [make_subscriber() for _ in range(3)]
    assert enrol(automation=automation, arrivals=arrivals(*people), at=NOW) == {"entered": 3}
    assert enrol(automation=automation, arrivals=arrivals(*people), at=NOW) == {"known": 3}
    assert not LeftOut.objects.exists()


def test_the_number_of_queries_does_not_depend_on_the_number_of_people():
    topic = make_topic()
    entry = {
        "rule": {"v": 1, "none": [{"attr": "country", "op": "is", "value": "AT"}]},
        "no_order_since": [1, "hours"],
        "gives_way_to": ["cart"],
    }
    definition = {**make_automation("x").draft, "entry": entry}
    automation = make_automation(topic=topic, recipe="browse", definition=definition)
    enrol(automation=automation, arrivals=arrivals(make_follower(topic)), at=NOW)
    counts = []
    for number in (1, 60):
        people = [make_follower(topic) for _ in range(number)]
        with CaptureQueriesContext(connection) as queries:
            assert enrol(automation=automation, arrivals=arrivals(*people), at=NOW)["entered"] == number
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_one_person_is_put_in_by_hand_through_the_same_gates(ann, priya):
    automation = make_automation()
    enrolment = enrol_by_hand(automation=automation, subscriber=ann, actor=priya, context={"total": 5})
    assert isinstance(enrolment, Enrolment)
    assert (enrolment.state, enrolment.context, enrolment.entry_key) == ("active", {"total": 5}, "person")
    assert AuditEntry.objects.filter(action="automation.enrol").count() == 1
    assert enrol_by_hand(automation=automation, subscriber=ann, actor=priya) == LeftOutReason.KNOWN
    other = enrol_by_hand(automation=automation, subscriber=ann, actor=priya, entry_key="renewal-2027")
    assert isinstance(other, Enrolment)


def test_nobody_is_put_by_hand_into_what_is_not_live(ann, priya):
    with pytest.raises(ValueError, match="not live"):
        enrol_by_hand(automation=make_automation(live=False), subscriber=ann, actor=priya)


# --- consent, erasure, merging ------------------------------------------------------------------------------------------


def test_who_leaves_the_topic_leaves_its_automations_and_no_others():
    news, tips = make_topic(), make_topic("tips")
    person = make_follower(news)
    make_subscription(person, tips)
    for name, topic in (("news", news), ("tips", tips), ("none", None)):
        make_enrolment(make_automation(name, topic=topic), person, entry_key=name)
    unsubscribe(subscriber=person, topic=news, source="test")
    assert dict(Enrolment.objects.values_list("entry_key", "reason")) == {"news": "no_consent", "tips": "", "none": ""}


def test_an_address_that_is_blocked_ends_everything_of_that_person():
    topic = make_topic()
    person, other = make_follower(topic), make_follower(topic)
    automation = make_automation(topic=topic)
    for one in (person, other):
        make_enrolment(automation, one, entry_key=str(one.pk))
    make_enrolment(make_automation("none"), person, entry_key="none")
    suppress(address_key=person.address_key, reason=SuppressionReason.BOUNCED, source="test")
    assert dict(Enrolment.objects.values_list("entry_key", "reason")) == {
        str(person.pk): "suppressed",
        "none": "suppressed",
        str(other.pk): "",
    }


def test_of_two_who_are_one_person_one_way_for_each_key_goes_on(maya):
    survivor, duplicate = make_subscriber(), make_subscriber()
    cart = make_cart_automation(entry={"again": "after_exit"})
    for person in (survivor, duplicate):
        make_enrolment(cart, person, place="open", entry_key=uuid.uuid4().hex)
    welcome = make_automation()
    make_enrolment(welcome, survivor, entry_key="once")
    make_enrolment(welcome, duplicate, entry_key="once")
    make_enrolment(welcome, duplicate, entry_key="other")
    merge_subscribers(survivor=survivor, duplicate=duplicate, actor=maya)
    assert sorted(states(cart).values()) == ["merged", "waiting"]
    assert states(welcome) == {"once": "waiting", "other": "waiting"}
    assert set(Enrolment.objects.values_list("subscriber", flat=True)) == {survivor.pk}


def test_who_takes_people_out_by_hand_is_noted_with_each_automation(ann, maya):
    welcome, birthday = make_automation(), make_automation("Birthday")
    for automation in (welcome, welcome, birthday):
        make_enrolment(automation, ann)
    make_enrolment(birthday, ann, state="done", step="", due_at=None, ended_at=NOW)
    assert take_out(enrolments=Enrolment.objects.all(), actor=maya) == 3
    noted = AuditEntry.objects.filter(action="automation.run", user=maya)
    assert dict(noted.values_list("target_label", "details__taken_out")) == {"Welcome": 2, "Birthday": 1}
    assert take_out(enrolments=Enrolment.objects.all(), actor=maya) == 0
    assert noted.count() == 2
