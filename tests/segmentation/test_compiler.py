"""Whom a rule means: the SQL against a naive reading, and the cases where SQL's nulls and zeros like to lie."""

from __future__ import annotations

import datetime as dt
import os
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import BooleanField, ExpressionWrapper
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.delivery.models import Message
from personalize.core.database import among
from segments.commerce.models import Refund, RefundLine
from segments.segmentation import services
from segments.segmentation.audience import narrow_groups, people_of
from segments.segmentation.rules.buckets import bucket_of
from segments.segmentation.rules.compiler import compile_rule
from segments.segmentation.rules.nodes import Any as Any_
from segments.segmentation.rules.nodes import Group, Node
from segments.segmentation.rules.parse import parse
from segments.segmentation.rules.vocabulary import Vocabulary
from segments.subscribers.models import AttributeDefinition, Subscriber
from tests.factories import NOW, make_order, make_product, make_subscriber, make_subscription, make_topic
from tests.segmentation import worlds
from tests.segmentation.messages import make_messages

EXAMPLES = 1_250 if os.environ.get("FULL") else 40
pytestmark = pytest.mark.django_db


def found(rule: dict[str, Any], as_of: dt.datetime = NOW) -> set[Subscriber]:
    return set(services.audience(rule=rule, as_of=as_of))


def orders(metric: str, op: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"orders": {"metric": metric, "op": op, "value": value, **more}}


def every_group(node: Node) -> Iterator[Group]:
    if isinstance(node, Group):
        yield node
        for child in node.children:
            yield from every_group(child)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=st.lists(worlds.people, min_size=1, max_size=5), rules=st.lists(worlds.rules, min_size=4, max_size=4))
def test_sql_agrees_with_a_naive_reading(world: list[worlds.Person], rules: list[dict[str, Any]]) -> None:
    with transaction.atomic():
        worlds.build(world, make_topic())
        vocabulary = Vocabulary.of(fields=worlds.FIELDS)
        for rule in rules:
            expected = {person.row.pk: worlds.holds(rule, person) for person in world if person.row}
            node = parse(rule, vocabulary=vocabulary)
            everybody = among([one.row.pk for one in world if one.row])
            choices = frozenset(one for one in every_group(node) if isinstance(one, Any_))
            forms: list[dict[str, Any]] = [{}, {"few": True}, {"narrow": choices}, {"few": True, "those": everybody}]
            for form in forms:
                condition = compile_rule(node, as_of=NOW, **form)
                told = set(Subscriber.objects.filter(condition).values_list("pk", flat=True))
                annotated = Subscriber.objects.annotate(told=ExpressionWrapper(condition, BooleanField()))
                assert told == {pk for pk, true in expected.items() if true}, (rule, form)
                assert {pk: bool(told) for pk, told in annotated.values_list("pk", "told")} == expected, (rule, form)
                of_rows = compile_rule(node, as_of=NOW, person="subscriber", **form)
                rows = Message.objects.annotate(told=ExpressionWrapper(of_rows, BooleanField()))
                assert {pk: bool(told) for pk, told in rows.values_list("subscriber_id", "told")} == expected, (
                    rule,
                    form,
                )
            chosen = people_of(node, as_of=NOW)
            assert set(chosen.values_list("pk", flat=True)) == {pk for pk, true in expected.items() if true}, rule
        transaction.set_rollback(True)


def test_none_includes_people_of_whom_the_value_is_not_known() -> None:
    bristol, nowhere = make_subscriber(city="Bristol"), make_subscriber()
    assert found({"none": [{"attr": "city", "op": "is", "value": "Bristol"}]}) == {nowhere}
    assert found({"attr": "city", "op": "is_not", "value": "Leeds"}) == {bristol}


def test_none_includes_people_without_a_registered_attribute() -> None:
    AttributeDefinition.objects.create(key="size", label="Size", type="int")
    small, unknown = make_subscriber(attributes={"size": 3}), make_subscriber()
    assert found({"none": [{"attr": "size", "op": ">", "value": 5}]}) == {small, unknown}
    assert found({"none": [{"none": [{"attr": "size", "op": "<", "value": 5}]}]}) == {small}


def test_a_value_of_another_type_than_its_definition_is_not_known() -> None:
    AttributeDefinition.objects.create(key="size", label="Size", type="int")
    strange = make_subscriber(attributes={"size": "large"})
    assert found({"attr": "size", "op": "not_known"}) == {strange}
    assert found({"attr": "size", "op": "<", "value": 5}) == set()


def test_texts_are_compared_without_regard_to_case_beyond_ascii() -> None:
    koeln = make_subscriber(city="KÖLN")
    assert found({"attr": "city", "op": "is", "value": "köln"}) == {koeln}
    assert found({"attr": "city", "op": "contains", "value": "Ö"}) == {koeln}


def test_signs_of_like_patterns_are_plain_letters() -> None:
    make_subscriber(city="Bath")
    assert found({"attr": "city", "op": "contains", "value": "%"}) == set()
    assert found({"attr": "city", "op": "starts_with", "value": "_ath"}) == set()


def test_times_are_compared_to_the_second_in_utc() -> None:
    AttributeDefinition.objects.create(key="seen", label="Seen", type="datetime")
    ann = make_subscriber(attributes={"seen": "2026-11-19T08:40:00+00:00"})
    assert found({"attr": "seen", "op": "is", "value": "2026-11-19T09:40:00+01:00"}) == {ann}
    assert found({"attr": "seen", "op": "<", "value": "2026-11-19T08:40:00Z"}) == set()


def test_age_rises_on_the_birthday() -> None:
    ann = make_subscriber(birth_year=1990, birth_month=11, birth_day=19)
    eve = NOW - dt.timedelta(days=1)
    assert found({"attr": "age", "op": "is", "value": 36}) == {ann}
    assert found({"attr": "age", "op": "is", "value": 35}, as_of=eve) == {ann}


def test_an_erased_person_is_in_no_audience() -> None:
    make_subscriber(country="GB")
    Subscriber.objects.update(email=None, erased_at=NOW)
    assert found({"all": []}) == set()
    assert found({"none": [{"attr": "country", "op": "is", "value": "DE"}]}) == set()


def test_never_bought_finds_people_without_orders_and_with_other_orders() -> None:
    mug, vase = make_product("85123A"), make_product("VASE")
    buyer, other, nobody = make_subscriber(), make_subscriber(), make_subscriber()
    make_order(buyer, (vase, 1, 10_000), (mug, 1, 10_000))
    make_order(other, (vase, 1, 10_000))
    bought = orders("count", ">=", 1, where=[{"field": "product", "op": "is", "value": "85123A"}])
    later = NOW + dt.timedelta(days=1)
    assert found({"none": [bought]}, as_of=later) == {other, nobody}
    assert found(bought, as_of=later) == {buyer}
    never = orders("count", "=", 0, where=[{"field": "product", "op": "is", "value": "85123A"}])
    assert found(never, as_of=later) == {other, nobody}


def test_fewer_than_two_orders_includes_people_with_none() -> None:
    none, one, two = make_subscriber(), make_subscriber(), make_subscriber()
    for person in (one, two, two):
        make_order(person, ("A", 1, 10_000), placed_at=NOW - dt.timedelta(days=1))
    assert found(orders("count", "<", 2)) == {none, one}
    assert found(orders("sum", "<=", 0)) == {none}
    assert found(orders("avg", "<", 5)) == {one, two}


def test_an_order_with_two_matching_lines_counts_once() -> None:
    ann = make_subscriber()
    make_order(ann, ("A", 1, 10_000), ("A", 2, 10_000), placed_at=NOW - dt.timedelta(days=1))
    bought = {"field": "product", "op": "is", "value": "A"}
    assert found(orders("count", "=", 1, where=[bought])) == {ann}
    assert found(orders("max", "=", 3, where=[bought])) == {ann}


def test_a_sum_is_net_of_refunds_at_their_own_date_unless_gross() -> None:
    garden = make_product("G", category="Garden")
    ann = make_subscriber()
    order = make_order(ann, (garden, 3, 2_000_000), placed_at=NOW - dt.timedelta(days=100))
    refund = Refund.objects.create(
        number="R1",
        order=order,
        subscriber=ann,
        refunded_at=NOW - dt.timedelta(days=5),
        total=2_000_000,
        updated_at=NOW,
    )
    RefundLine.objects.create(
        refund=refund, subscriber=ann, refunded_at=refund.refunded_at, position=1, product=garden, code="G",
        quantity=1, unit_price=2_000_000, amount=2_000_000,
    )  # fmt: skip
    category = [{"field": "category", "op": "is", "value": "garden"}]
    assert found(orders("sum", "=", 400)) == {ann}
    assert found(orders("sum", "=", 400, where=category)) == {ann}
    assert found(orders("sum", "=", 600, gross=True)) == {ann}
    assert found(orders("sum", "=", -200, window={"last": [90, "days"]})) == {ann}
    assert found(orders("sum", "=", 600, window={"before": "2026-11-01"})) == {ann}


def test_cancelled_orders_count_only_when_the_status_is_asked_for() -> None:
    ann = make_subscriber()
    make_order(ann, ("A", 1, 10_000), placed_at=NOW - dt.timedelta(days=1), status="cancelled")
    cancelled = [{"field": "status", "op": "is", "value": "cancelled"}]
    assert found(orders("count", "=", 0)) == {ann}
    assert found(orders("count", "=", 1, where=cancelled)) == {ann}


@pytest.mark.parametrize(
    ("placed_at", "inside"),
    [
        (NOW - dt.timedelta(days=30), True),
        (NOW - dt.timedelta(days=30, microseconds=1), False),
        (NOW - dt.timedelta(microseconds=1), True),
        (NOW, False),
    ],
)
def test_a_window_takes_its_start_in_and_leaves_its_end_out(placed_at: dt.datetime, inside: bool) -> None:
    make_order(make_subscriber(), ("A", 1, 10_000), placed_at=placed_at)
    assert bool(found(orders("count", ">=", 1, window={"last": [30, "days"]}))) is inside


def test_nothing_from_the_instant_asked_about_on_is_seen() -> None:
    ann = make_subscriber()
    make_order(ann, ("A", 1, 10_000), placed_at=NOW)
    assert found(orders("count", ">", 0, window={"after": "2026-01-01"})) == set()
    assert found(orders("count", ">", 0), as_of=NOW + dt.timedelta(microseconds=1)) == {ann}


def test_a_month_back_from_the_last_day_is_the_last_day_of_a_shorter_month() -> None:
    ann = make_subscriber()
    make_order(ann, ("A", 1, 10_000), placed_at=dt.datetime(2026, 2, 28, tzinfo=dt.UTC))
    rule = orders("count", "=", 1, window={"last": [1, "months"]})
    assert found(rule, as_of=dt.datetime(2026, 3, 31, tzinfo=dt.UTC)) == {ann}


def test_not_subscribed_includes_people_who_were_never_asked() -> None:
    topic = make_topic()
    reader, pending, stranger = make_subscriber(), make_subscriber(), make_subscriber()
    make_subscription(reader, topic)
    make_subscription(pending, topic, "pending")
    assert found({"topic": "news", "is": "not_subscribed"}) == {pending, stranger}
    assert found({"topic": "news", "is": "subscribed"}) == {reader}


def test_buckets_cut_everybody_once_and_as_python_counts_them() -> None:
    people = [make_subscriber(uuid=uuid.UUID(int=number)) for number in range(40)]
    halves = [found({"bucket": {"salt": "x", "from": low, "to": high}}) for low, high in ((0, 4999), (5000, 9999))]
    assert halves[0] | halves[1] == set(people)
    assert not halves[0] & halves[1]
    assert halves[0] == {person for person in people if bucket_of("x", person.uuid) < 5000}
    own = bucket_of("x", people[7].uuid)
    assert people[7] in found({"bucket": {"salt": "x", "from": own, "to": own}})


def test_a_segment_inside_a_rule_means_its_people(maya: Any) -> None:
    british, german = make_subscriber(country="GB"), make_subscriber(country="DE")
    segment = services.create_segment(
        name="British", rule={"v": 1, "all": [{"attr": "country", "op": "is", "value": "GB"}]}, actor=maya
    )
    assert found({"segment": str(segment.uuid)}) == {british}
    assert found({"none": [{"segment": str(segment.uuid)}]}) == {german}


def test_counting_is_one_query_over_people_whatever_the_rule() -> None:
    make_topic()
    rule = {
        "any": [
            orders("sum", ">", 5),
            orders("count", "<", 3, where=[{"field": "category", "op": "is", "value": "Garden"}]),
            {"none": [{"topic": "news", "is": "subscribed"}, orders("last", "<", "2026-01-01")]},
        ]
    }
    with CaptureQueriesContext(connection) as queries:
        services.count(rule=rule, as_of=NOW)
    assert len([query for query in queries if "subscribers_subscriber" in query["sql"]]) == 1


def test_facts_are_looked_up_one_by_one_where_cheap_rules_leave_few_people() -> None:
    for number in range(200):
        make_subscriber(city="Bath" if number < 2 else "Leeds", country="GB")
    bought = orders("count", ">=", 2)

    def narrow(rule: dict[str, Any]) -> bool:
        return bool(narrow_groups(parse(rule), as_of=NOW))

    assert narrow({"all": [bought, {"attr": "city", "op": "is", "value": "Bath"}]})
    assert not narrow({"all": [bought, {"attr": "country", "op": "is", "value": "GB"}]})
    # Of a choice, those who are taken in by the rules that cost little are one list beside those of the others.
    assert narrow({"any": [bought, {"attr": "city", "op": "is", "value": "Bath"}]})
    assert not narrow({"any": [bought, {"attr": "country", "op": "is", "value": "GB"}]})
    # Who is left for an inner group is told by the outer one too.
    inner = {"all": [{"attr": "country", "op": "is", "value": "GB"}, {"none": [bought]}]}
    assert narrow({"all": [{"attr": "city", "op": "is", "value": "Bath"}, inner]})
    assert len(found({"all": [{"attr": "city", "op": "is", "value": "Bath"}, inner]})) == 2


def test_rules_are_told_of_messages_by_their_person() -> None:
    ann, bob = make_subscriber(country="GB", birth_year=1990, birth_month=1, birth_day=2), make_subscriber(city="Bath")
    make_subscription(ann, make_topic())
    make_order(ann, (make_product("G", category="Garden"), 1, 10_000), placed_at=NOW - dt.timedelta(days=1))
    messages = make_messages(ann, bob)
    for rule in (
        {"attr": "country", "op": "is", "value": "GB"},
        {"attr": "age", "op": ">", "value": 30},
        {"none": [{"attr": "city", "op": "is_known"}]},
        orders("count", ">=", 1),
        orders("sum", ">", 0, where=[{"field": "category", "op": "is", "value": "Garden"}]),
        {"none": [orders("sum", "<", 1)]},
        {"topic": "news", "is": "subscribed"},
        {"bucket": {"salt": "y", "from": (own := bucket_of("y", ann.uuid)), "to": own}},
    ):
        condition = compile_rule(parse(rule), as_of=NOW, person="subscriber")
        told = messages.annotate(told=ExpressionWrapper(condition, BooleanField()))
        assert {pk: bool(told) for pk, told in told.values_list("subscriber_id", "told")} == {
            ann.pk: True,
            bob.pk: False,
        }, rule
        assert [row.subscriber for row in messages.filter(condition)] == [ann], rule
