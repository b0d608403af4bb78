"""What an event means: whom it brings in, whom it ends, what it touches once more."""

from __future__ import annotations

import datetime as dt
import uuid
from types import SimpleNamespace
from typing import Any

import pytest

from campaigns.automations.definition import read
from campaigns.automations.matching import EventFacts, Live, Matcher, ends, happened, matches, touches
from campaigns.automations.nodes import (
    Definition,
    Duration,
    EventExit,
    EventMatch,
    PropertyFilter,
    WaitForStep,
)
from tests.factories import NOW

MINUTE = dt.timedelta(minutes=1)


def an_event(name: str = "cart_updated", subject: str = "cart-77", after: float = 0, **fields: Any) -> EventFacts:
    at = NOW + after * MINUTE
    given = {"uuid": uuid.uuid4(), "subscriber_id": 1, "source": "shop", "occurred_at": at, "received_at": at, **fields}
    return EventFacts(name=name, subject=subject, **given)


def an_enrolment(key: str = "cart-77", about: str = "cart", **fields: Any) -> Any:
    context = {"about": about, "key": key, "products": ["OAK-STOOL"]}
    given = {"entry_key": key, "started_at": NOW, "came_at": NOW, "event": uuid.uuid4(), "context": context}
    return SimpleNamespace(**(given | fields))


def a_definition(trigger: dict[str, Any] | None = None, **parts: Any) -> Definition:
    body = {
        "v": 1,
        "trigger": trigger or {"on": "event", "event": ["cart_updated", "checkout_started"]},
        "steps": [{"id": "wait", "type": "wait", "for": [2, "hours"], "since": "activity"}],
        **parts,
    }
    made = read(body)
    assert isinstance(made, Definition), made
    return made


def only_arrival(definition: Definition, event: EventFacts) -> Any:
    [(automation, arrival)] = Matcher([Live(7, "", 1, definition, None)]).arrivals(event)
    assert automation == 7
    return arrival


@pytest.mark.parametrize(
    ("field", "op", "value", "holds"),
    [
        ("lines", ">=", 2, True),
        ("lines", ">", 2, False),
        ("lines", "is", True, False),
        ("colour", "is", "green", True),
        ("colour", "is_not", "green", False),
        ("colour", "is_not", "red", True),
        ("colour", "<", 3, False),
        ("missing", "is_not", "red", False),
        ("products", "is", "OAK-STOOL", True),
        ("products", "in", ("LAMP", "OAK-STOOL"), True),
        ("products", "is_not", "OAK-STOOL", False),
        ("products", "is_not", "LAMP", True),
        ("amount", "is", 80.1, True),
        ("amount", ">", 80.1, False),
        ("subject", "is", "cart-77", True),
        ("flag", "is", True, True),
        ("flag", ">", 0, False),
        ("nested", "is", "x", False),
    ],
)
def test_a_filter_compares_what_the_event_says(field, op, value, holds):
    event = an_event(
        amount=801_000,
        properties={
            "lines": 2,
            "colour": "green",
            "products": ["OAK-STOOL", "RUG"],
            "flag": True,
            "nested": {"x": 1},
        },
    )
    match = EventMatch(frozenset({"cart_updated"}), (PropertyFilter(field, op, value),))
    assert matches(match, event) is holds


def test_a_cart_comes_in_under_its_own_key_with_what_the_mails_may_speak_of():
    event = an_event(amount=1_400_000, properties={"products": ["OAK-STOOL"], "lines": 1})
    arrival = only_arrival(a_definition(), event)
    assert (arrival.entry_key, arrival.started_at, arrival.event) == ("cart-77", NOW, event.uuid)
    assert arrival.context == {
        "about": "cart",
        "source": "shop",
        "key": "cart-77",
        "event": "cart_updated",
        "at": NOW.isoformat(),
        "products": ["OAK-STOOL"],
        "total": 1_400_000,
        "data": {"products": ["OAK-STOOL"], "lines": 1},
    }


@pytest.mark.parametrize(
    ("again", "by", "subject", "key"),
    [
        ("once_per_key", "subject", "cart-77", "cart-77"),
        ("once_per_key", "event", "cart-77", "{event}"),
        ("once_per_key", "person", "cart-77", "person"),
        ("once_per_key", "subject", "", "{event}"),
        ("once", "subject", "cart-77", "once"),
        ("after_exit", "subject", "cart-77", "{event}"),
        ("always", "subject", "cart-77", "cart-77"),
        ("always", "subject", "", "{event}"),
        ("always", "person", "cart-77", "{event}"),
    ],
)
def test_the_entry_key_says_what_somebody_comes_in_for(again, by, subject, key):
    definition = a_definition({"on": "event", "event": "cart_updated", "key": by}, entry={"again": again})
    event = an_event(subject=subject)
    assert only_arrival(definition, event).entry_key == key.format(event=event.uuid)


def test_a_key_that_is_too_long_is_kept_as_its_hash_and_two_of_them_differ():
    keys = {only_arrival(a_definition(), an_event(subject="x" * 200 + end)).entry_key for end in "ab"}
    assert len(keys) == 2
    assert all(len(key) <= 160 for key in keys)


def test_an_event_of_the_future_happened_when_we_heard_of_it():
    event = an_event(occurred_at=NOW + dt.timedelta(days=900), received_at=NOW)
    assert only_arrival(a_definition(), event).started_at == NOW


def test_names_that_mean_nothing_to_any_automation_are_passed_over():
    matcher = Matcher([Live(7, "", 1, a_definition(exits=[{"event": "order_placed", "reason": "ordered"}]), None)])
    assert [name for name in ("cart_updated", "order_placed", "wish_list_shared") if matcher.cares(name)] == [
        "cart_updated",
        "order_placed",
    ]
    assert matcher.arrivals(an_event("wish_list_shared")) == []


def an_exit(about: Any = "any", back: int = 15) -> EventExit:
    return EventExit(EventMatch(frozenset({"order_placed"})), "ordered", about, Duration(back, "minutes"))


@pytest.mark.parametrize(("after", "over"), [(-16, False), (-15, True), (0, True), (1_000, True)])
def test_an_order_ends_it_when_it_was_placed_a_quarter_of_an_hour_before_at_the_earliest(after, over):
    assert ends(an_exit(), an_event("order_placed", "AW-1", after), an_enrolment()) is over


def test_an_order_of_this_very_cart_ends_it_whenever_it_was():
    order = an_event("order_placed", "AW-1", -500, properties={"cart": "cart-77"})
    assert ends(an_exit("same"), order, an_enrolment())
    assert not ends(an_exit("same"), order, an_enrolment("cart-78"))


def test_an_order_imported_with_a_date_to_come_ends_what_began_before_we_knew_of_it_only():
    order = an_event("order_placed", "AW-1", occurred_at=NOW + dt.timedelta(days=900), received_at=NOW)
    assert ends(an_exit(), order, an_enrolment(started_at=NOW - MINUTE))
    assert not ends(an_exit(), order, an_enrolment(started_at=NOW + dt.timedelta(days=30)))


def test_an_order_that_has_the_number_of_the_cart_by_chance_is_not_about_it():
    assert not ends(an_exit("same"), an_event("order_placed", "77", 5), an_enrolment("77"))


def test_an_exit_by_shared_products_needs_one_of_them():
    enrolment = an_enrolment()
    bought = an_event("order_placed", "AW-1", 5, properties={"products": ["RUG", "OAK-STOOL"]})
    other = an_event("order_placed", "AW-2", 5, properties={"products": ["RUG"]})
    odd = an_event("order_placed", "AW-3", 5, properties={"products": {"OAK-STOOL": 1}})
    assert [ends(an_exit("shared"), one, enrolment) for one in (bought, other, odd)] == [True, False, False]


def test_what_brought_somebody_in_does_not_end_it():
    order = an_event("order_placed", "AW-1")
    assert not ends(an_exit(), order, an_enrolment("AW-1", "order", event=order.uuid))


def test_the_awaited_event_happened_since_they_came_to_the_step_and_is_about_the_same():
    step = WaitForStep(
        id="w",
        match=EventMatch(frozenset({"checkout_started"})),
        rule=None,
        most=Duration(1, "days"),
        about="same",
    )
    enrolment = an_enrolment(came_at=NOW + 10 * MINUTE)
    events = [an_event("checkout_started", subject, after) for subject, after in (("cart-77", 9), ("cart-77", 10))]
    assert [happened(step, event, enrolment) for event in events] == [False, True]
    assert not happened(step, an_event("checkout_started", "cart-78", 20), enrolment)


def test_activity_is_what_would_come_in_under_the_same_key():
    cart, browsing = a_definition(), a_definition({"on": "event", "event": "product_viewed", "key": "person"})
    enrolment = an_enrolment()
    assert touches(cart, an_event("checkout_started"), enrolment)
    assert not touches(cart, an_event("cart_updated", "cart-78"), enrolment)
    assert not touches(cart, an_event("product_viewed", "OAK-STOOL"), enrolment)
    assert touches(browsing, an_event("product_viewed", "RUG"), an_enrolment("person", "product"))
    assert not touches(browsing, an_event("order_placed", "AW-1"), an_enrolment("person", "product"))
