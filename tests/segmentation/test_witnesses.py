"""The very fact by which a rule is true of somebody or not, in words."""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from typing import Any

import pytest

from segments.commerce.models import Refund
from segments.events.models import Event
from segments.segmentation.rules import nodes
from segments.segmentation.rules.kinds import Scope, kinds
from segments.segmentation.rules.nodes import Happening, NearRule, Node, SequenceRule
from segments.segmentation.rules.parse import parse
from segments.segmentation.rules.witnesses import witness
from segments.subscribers.models import AttributeDefinition, ListMember, StaticList, Subscriber
from tests.factories import NOW, make_order, make_product, make_subscriber, make_subscription, make_topic

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)


@pytest.fixture
def ann() -> Subscriber:
    return make_subscriber(
        "ann.whitaker@post.example",
        country="GB",
        city="Bristol",
        latitude=51.4545,
        longitude=-2.5879,
        birth_year=1988,
        birth_month=2,
        birth_day=29,
        attributes={"shoe_size": 39, "since": "2024-02-29", "likes": ["candles", "garden"], "vip": True, "note": "x"},
    )


def said(rule: dict[str, Any], person: Subscriber, at: dt.datetime = NOW) -> str:
    return witness(parse(rule), person=person.pk, scope=Scope(at, few=True))


def told(node: Node, person: Subscriber, at: dt.datetime = NOW) -> str:
    return witness(node, person=person.pk, scope=Scope(at, few=True))


def orders(**body: Any) -> dict[str, Any]:
    return {"orders": {"metric": "count", "op": ">=", "value": 1, **body}}


def event(**body: Any) -> dict[str, Any]:
    return {"event": {"name": "wish_list_shared", "metric": "count", "op": ">=", "value": 1, **body}}


def happens(person: Subscriber, name: str, at: dt.datetime, subject: str = "", **fields: Any) -> Event:
    return Event.objects.create(
        subscriber=person,
        name=name,
        subject=subject,
        source="shop",
        idempotency_key=uuid.uuid4().hex,
        **{"occurred_at": at, "received_at": at, **fields},
    )


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"attr": "country", "op": "is", "value": "IE"}, "Their country is United Kingdom"),
        ({"attr": "city", "op": "contains", "value": "x"}, "Their city is ‘Bristol’"),
        ({"attr": "region", "op": "is_known"}, "Not known: no region on file"),
        ({"attr": "email", "op": "contains", "value": "@"}, "Their address is a…@post.example"),
        ({"attr": "age", "op": "<", "value": 30}, "38 years old; born on 29 February 1988"),
        ({"attr": "created_at", "op": "<", "value": "2026-01-01"}, "Added on 19 November 2026"),
        ({"attr": "shoe_size", "op": ">", "value": 40}, "Their shoe size is 39"),
        ({"attr": "since", "op": ">", "value": "2025-01-01"}, "Their since is 29 February 2024"),
        ({"attr": "likes", "op": "contains_any", "value": ["x"]}, "Their likes: ‘candles’ and ‘garden’"),
        ({"attr": "vip", "op": "is", "value": True}, "Their VIP is yes"),
        ({"attr": "note", "op": "is_known"}, "There is one on file; it is sensitive and not told here"),
    ],
)
def test_a_value_on_file_is_told_as_it_is(ann: Subscriber, rule: dict[str, Any], words: str) -> None:
    for key, label, type in (("shoe_size", "Shoe size", "int"), ("since", "Since", "date"), ("vip", "VIP", "bool")):
        AttributeDefinition.objects.create(key=key, label=label, type=type)
    AttributeDefinition.objects.create(key="likes", label="Likes", type="multi", choices=["candles", "garden", "x"])
    AttributeDefinition.objects.create(key="note", label="Note", type="text", sensitive=True)
    assert said(rule, ann) == words


def test_what_is_not_on_file_is_said_to_be_unknown(ann: Subscriber) -> None:
    nobody = make_subscriber()
    assert said({"attr": "age", "op": ">", "value": 3}, nobody) == "Not known: no birth year on file"
    assert told(NearRule(51.45, -2.58, 25), nobody) == "Not known: no position on file"
    assert told(NearRule(51.5074, -0.1278, 25), ann) == "170.4 km away, in Bristol"


def test_of_orders_the_one_that_made_them_enough_is_named(ann: Subscriber) -> None:
    rule = orders(value=2)
    assert said(rule, ann) == "Never"
    make_order(ann, ("A", 1, 100_000), placed_at=NOW - 90 * DAY, number="10401")
    assert said(rule, ann) == "Only once: 10401 on 21 August 2026"
    make_order(ann, ("A", 1, 100_000), placed_at=NOW - 30 * DAY, number="10417")
    make_order(ann, ("A", 1, 100_000), placed_at=NOW - DAY, number="10431")
    assert said(rule, ann) == "3 orders; the second was 10417 on 20 October 2026"
    assert said(orders(op="<"), ann) == "3 orders; the last was 10431 on 18 November 2026"
    assert said(rule, ann, NOW - 31 * DAY) == "Only once: 10401 on 21 August 2026"
    assert said(orders(window={"before": "2020-01-01"}), ann) == "Never before 1 January 2020"


def test_products_are_named_where_the_rule_is_about_products(ann: Subscriber) -> None:
    tapers = make_product("T1", title="Beeswax tapers", category="Candles")
    make_order(ann, (tapers, 2, 90_000), ("X9", 1, 10_000), placed_at=NOW - 17 * DAY, number="10417")
    rule = orders(where=[{"field": "category", "op": "is", "value": "candles"}])
    assert said(rule, ann) == "Only once: Beeswax tapers (10417) on 2 November 2026"
    assert said(orders(metric="distinct", value=2), ann) == "2 different products: Beeswax tapers, X9"


def test_money_is_told_with_what_was_given_back(ann: Subscriber) -> None:
    for days, paid in ((10, 1_000_000), (20, 2_000_000), (40, 2_124_000)):
        make_order(ann, ("A", 1, paid), placed_at=NOW - days * DAY, number=f"O{days}")
    Refund.objects.create(number="R1", subscriber=ann, refunded_at=NOW - DAY, total=200_000, updated_at=NOW)
    spent = orders(metric="sum", op=">", value=500)
    assert said(spent, ann) == "£512.40 in 3 orders, less £20.00 given back"
    assert said(orders(metric="sum", gross=True), ann) == "£512.40 in 3 orders"
    assert said(orders(metric="avg"), ann) == "£170.80 on average of 3 orders"
    assert said(orders(metric="min"), ann) == "The smallest was £100.00: O10 on 9 November 2026"
    assert said(orders(metric="max"), ann) == "The largest was £212.40: O40 on 10 October 2026"
    last = orders(metric="last", op=">", value="2026-01-01")
    assert said(last, ann) == "Their last order was 10 days ago: O10 on 9 November 2026"
    assert said({"orders": {**last["orders"], "metric": "first"}}, ann).startswith(
        "Their first order was 40 days ago: O40"
    )


def test_events_are_told_with_their_day_subject_and_properties(ann: Subscriber) -> None:
    assert said(event(window={"last": [90, "days"]}), ann) == "Never in the last 90 days"
    happens(ann, "wish_list_shared", NOW - 57 * DAY, "W1", properties={"size": 4}, amount=250_000)
    assert said(event(), ann) == "Only once, 57 days ago: 23 September 2026, W1, £25.00, size: 4"
    happens(ann, "wish_list_shared", NOW - 2 * DAY, "W2", properties={"size": 6}, amount=150_000)
    happens(ann, "wish_list_shared", NOW + DAY, "W3")
    assert said(event(value=2), ann).startswith("2 times; the last 2 days ago: 17 November 2026, W2")
    assert said(event(metric="first", op="<", value="2026-01-01"), ann).startswith("2 times; the first 57 days ago")
    assert said(event(metric="sum"), ann) == "£40.00, of 2 times"
    assert said(event(metric="avg", of="data.size"), ann) == "5 on average of 2 times"
    assert said(event(metric="max", of="data.size"), ann) == "The largest of 2 is 6"
    assert said(event(metric="distinct"), ann) == "2 different ones: W1, W2"


def test_of_a_sequence_the_pair_or_the_one_left_alone_is_told(ann: Subscriber) -> None:
    cart, order = Happening("cart_updated"), Happening("order_placed")
    forgotten = SequenceRule(cart, order, came=False, within=(3, "days"))
    assert told(forgotten, ann) == "Never: ‘Changed a cart’"
    happens(ann, "cart_updated", NOW - 9 * DAY, "C1")
    happens(ann, "order_placed", NOW - 8 * DAY, "10417")
    assert told(forgotten, ann) == (
        "‘Changed a cart’: 10 November 2026, 08:40, C1; then ‘Placed an order’: 11 November 2026, 08:40, 10417"
    )
    assert told(SequenceRule(cart, order, came=True), ann) == told(forgotten, ann)
    happens(ann, "cart_updated", NOW - 2 * DAY, "C2")
    assert "C1" in told(forgotten, ann, NOW - 3 * DAY)
    assert "the time for it is not over" in told(forgotten, ann)
    assert told(forgotten, ann, NOW + 2 * DAY) == (
        "‘Changed a cart’: 17 November 2026, 08:40, C2; no ‘Placed an order’ after it"
    )


def test_topics_lists_and_shares_say_since_when_and_which(ann: Subscriber) -> None:
    topic = make_topic()
    rule = {"topic": "news", "is": "subscribed"}
    assert said(rule, ann) == "Never asked"
    subscription = make_subscription(ann, topic, "pending")
    assert said(rule, ann) == "Asked on 19 November 2026 and has not confirmed yet"
    for state, words in (("subscribed", "Subscribed since 19"), ("unsubscribed", "Left on 19 November 2026")):
        subscription.state = state
        subscription.save()
        assert said(rule, ann).startswith(words)
    guests = StaticList.objects.create(name="Guests", created_at=NOW)
    on_it = {"list": str(guests.uuid), "is": "in"}
    assert said(on_it, ann) == "Not on it"
    ListMember.objects.create(list=guests, subscriber=ann, added_at=NOW, source="import")
    assert said(on_it, ann) == "On it since 19 November 2026, by import"
    fraction = int(hashlib.sha256(f"x:{ann.uuid}".encode()).hexdigest(), 16) / 2**256
    assert said({"bucket": {"salt": "x", "from": 0, "to": 9}}, ann) == f"Their bucket is {int(fraction * 10_000)}"


def test_every_kind_of_rule_has_its_witness() -> None:
    leaves = {
        kind
        for kind in vars(nodes).values()
        if isinstance(kind, type) and issubclass(kind, Node) and not issubclass(kind, nodes.Group) and kind is not Node
    } | {kind.node for key in kinds if (kind := kinds.by_key(key))}
    assert leaves - set(witness.registry) == {nodes.SegmentRule}
