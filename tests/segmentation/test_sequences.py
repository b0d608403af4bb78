"""What came after what: the edges of time, equal instants, and what is not over yet."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from segments.segmentation import services
from segments.segmentation.rules.parse import RuleError, parse
from segments.segmentation.rules.sentence import sentence
from segments.subscribers.models import Subscriber
from tests.factories import NOW, make_product, make_subscriber
from tests.segmentation.doings import make_event

pytestmark = pytest.mark.django_db

CART, ORDER = {"name": "cart_updated"}, {"name": "order_placed"}
DAY = dt.timedelta(days=1)
TICK = dt.timedelta(microseconds=1)


def sequence(**body: Any) -> dict[str, Any]:
    return {"sequence": {"first": CART, **body}}


def found(rule: dict[str, Any], as_of: dt.datetime = NOW) -> set[Subscriber]:
    return set(services.audience(rule=rule, as_of=as_of))


def test_a_cart_and_no_order_after_it() -> None:
    left, bought, before, stranger = (make_subscriber() for _ in range(4))
    for person in (left, bought, before):
        make_event(person, "cart_updated", NOW - 2 * DAY)
    make_event(bought, "order_placed", NOW - DAY)
    make_event(before, "order_placed", NOW - 3 * DAY)
    rule = sequence(then_not=ORDER, window={"last": [14, "days"]})
    assert found(rule) == {left, before}
    assert found({"none": [rule]}) == {bought, stranger}
    assert found(sequence(then=ORDER)) == {bought}


def test_a_later_cart_begins_anew() -> None:
    ann = make_subscriber()
    for name, days in (("cart_updated", 5), ("order_placed", 4), ("cart_updated", 3)):
        make_event(ann, name, NOW - days * DAY)
    assert found(sequence(then_not=ORDER)) == {ann}
    assert found(sequence(then=ORDER)) == {ann}


@pytest.mark.parametrize(("later", "counts"), [(3 * DAY - TICK, True), (3 * DAY, False)])
def test_what_comes_at_the_end_of_the_time_comes_too_late(later: dt.timedelta, counts: bool) -> None:
    ann = make_subscriber()
    make_event(ann, "cart_updated", NOW - 10 * DAY)
    make_event(ann, "order_placed", NOW - 10 * DAY + later)
    assert bool(found(sequence(then=ORDER, within=[3, "days"]))) is counts
    assert bool(found(sequence(then_not=ORDER, within=[3, "days"]))) is not counts


@pytest.mark.parametrize(("ago", "over"), [(3 * DAY, True), (3 * DAY - TICK, False)])
def test_that_nothing_came_is_only_true_once_the_time_is_over(ago: dt.timedelta, over: bool) -> None:
    make_event(make_subscriber(), "cart_updated", NOW - ago)
    assert bool(found(sequence(then_not=ORDER, within=[3, "days"]))) is over


@pytest.mark.parametrize(
    ("received", "order_first", "after"),
    [(TICK, True, True), (-TICK, False, False), (dt.timedelta(0), False, True), (dt.timedelta(0), True, False)],
)
def test_at_one_instant_what_was_received_later_came_later(
    received: dt.timedelta, order_first: bool, after: bool
) -> None:
    ann, at = make_subscriber(), NOW - DAY
    rows = [("cart_updated", at), ("order_placed", at + received)]
    for name, received_at in reversed(rows) if order_first else rows:
        make_event(ann, name, at, received_at=received_at)
    assert bool(found(sequence(then=ORDER))) is after
    assert bool(found(sequence(then_not=ORDER))) is not after


def test_an_event_does_not_follow_itself() -> None:
    once, twice = make_subscriber(), make_subscriber()
    for person, days in ((once, 1), (twice, 1), (twice, 2)):
        make_event(person, "cart_updated", NOW - days * DAY)
    assert found(sequence(then=CART)) == {twice}


def test_nothing_from_the_instant_asked_about_on_is_seen() -> None:
    ann = make_subscriber()
    make_event(ann, "cart_updated", NOW - DAY)
    make_event(ann, "order_placed", NOW)
    assert found(sequence(then_not=ORDER)) == {ann}
    assert found(sequence(then_not=ORDER), as_of=NOW + TICK) == set()


def test_the_window_is_that_of_the_first_event() -> None:
    ann = make_subscriber()
    make_event(ann, "cart_updated", NOW - 20 * DAY)
    make_event(ann, "order_placed", NOW - DAY)
    window = {"between": ["2026-10-28", "2026-11-01"]}
    assert found(sequence(then=ORDER, window=window)) == {ann}
    assert found(sequence(then=ORDER, window={"last": [14, "days"]})) == set()


def test_others_events_do_not_follow() -> None:
    ann, bob = make_subscriber(), make_subscriber()
    make_event(ann, "cart_updated", NOW - 2 * DAY)
    make_event(bob, "order_placed", NOW - DAY)
    assert found(sequence(then=ORDER)) == set()


def test_both_events_may_have_filters() -> None:
    make_product("SPADE", category="Garden")
    ann, bob = make_subscriber(), make_subscriber()
    garden = [{"field": "category", "op": "is", "value": "garden"}]
    for person, code in ((ann, "SPADE"), (bob, "BOWL")):
        make_event(person, "product_viewed", NOW - 2 * DAY, subject=code)
        make_event(person, "order_placed", NOW - DAY, amount=500_000)
    first = {"name": "product_viewed", "where": garden}
    dear = {"name": "order_placed", "where": [{"field": "amount", "op": ">=", "value": 50}]}
    dearer = {"name": "order_placed", "where": [{"field": "amount", "op": ">", "value": 50}]}
    assert found({"sequence": {"first": first, "then": dear}}) == {ann}
    assert found({"sequence": {"first": first, "then": dearer}}) == set()


@pytest.mark.parametrize(
    ("body", "path", "words"),
    [
        ([], "sequence", "object with keys"),
        ({}, "sequence", "‘first’ is missing"),
        ({"first": CART}, "sequence", "exactly one of: then, then_not"),
        ({"first": CART, "then": ORDER, "then_not": ORDER}, "sequence", "exactly one of: then, then_not"),
        ({"first": CART, "after": ORDER}, "sequence.after", "not known here"),
        ({"first": "cart_updated", "then": ORDER}, "sequence.first", "object with keys"),
        ({"first": CART, "then": {"name": "Order placed"}}, "sequence.then.name", "lower case"),
        ({"first": CART, "then_not": {**ORDER, "metric": "count"}}, "sequence.then_not.metric", "not known here"),
        (
            {"first": CART, "then_not": {**ORDER, "where": [{"field": "colour", "op": "is", "value": 1}]}},
            "sequence.then_not.where[0].field",
            "Expected one of: subject, amount",
        ),
        ({"first": CART, "then": ORDER, "within": [1, "months"]}, "sequence.within[1]", "hours, days or weeks"),
        ({"first": CART, "then": ORDER, "within": [0, "days"]}, "sequence.within[0]", "from 1 to"),
        ({"first": CART, "then": ORDER, "within": [10**9, "weeks"]}, "sequence.within[0]", "from 1 to"),
        ({"first": CART, "then": ORDER, "window": {"last": [1, "aeons"]}}, "sequence.window.last[1]", "minutes, hours"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(body: Any, path: str, words: str) -> None:
    with pytest.raises(RuleError) as refusal:
        parse({"sequence": body})
    assert (refusal.value.path, words in refusal.value.message) == (path, True), str(refusal.value)


def test_the_longest_times_are_counted_without_overflow() -> None:
    make_event(make_subscriber(), "cart_updated", NOW - DAY)
    assert len(found(sequence(then_not=ORDER, within=[100_000, "weeks"]))) == 0
    assert len(found({"none": [sequence(then=ORDER, within=[100_000, "weeks"])]})) == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            {"then_not": ORDER, "window": {"last": [14, "days"]}},
            "People who changed a cart in the last 14 days and who placed no order in the shop after it.",
        ),
        (
            {"then": ORDER, "within": [3, "days"]},
            "People who changed a cart and who placed an order in the shop within 3 days of it.",
        ),
    ],
)
def test_a_sequence_reads_as_a_sentence(body: Any, words: str) -> None:
    assert sentence(parse(sequence(**body))) == words
