"""Rules about what people did: figures of every kind, filters of every type, values that lie, and how it all reads."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from segments.segmentation import services
from segments.segmentation.rules.parse import RuleError, parse
from segments.segmentation.rules.sentence import sentence
from segments.subscribers.models import Subscriber
from tests.factories import NOW, make_product, make_subscriber, make_topic
from tests.segmentation.doings import make_event

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)


def event(
    name: str = "store_visit", metric: str = "count", op: str = ">=", value: Any = 1, **more: Any
) -> dict[str, Any]:
    return {"event": {"name": name, "metric": metric, "op": op, "value": value, **more}}


def having(field: str, op: str, *value: Any) -> dict[str, Any]:
    """Whoever visited the store in such a way."""
    item = {"field": field, "op": op} | ({"value": value[0]} if value else {})
    return event(where=[item])


def found(rule: dict[str, Any], as_of: dt.datetime = NOW) -> set[Subscriber]:
    return set(services.audience(rule=rule, as_of=as_of))


def visits(*all_data: Any, **fields: Any) -> Subscriber:
    """Somebody who visited the store once for each, a day apart, the last time yesterday."""
    person = make_subscriber()
    for days, data in enumerate(reversed(all_data), start=1):
        make_event(person, "store_visit", NOW - days * DAY, data=data, **fields)
    return person


@pytest.mark.parametrize(
    ("where", "true_of"),
    [
        (("data.x", "is", "Köln"), ["Köln"]),
        (("data.x", "is_not", "Köln"), ["köln", "", "3", "true"]),
        (("data.x", "contains", "öl"), ["Köln", "köln"]),
        (("data.x", "contains", "%"), []),
        (("data.x", "contains", "a"), [["a", "b"]]),
        (("data.x", "contains", "3"), ["3"]),
        (("data.x", "in", ["köln", "3"]), ["köln", "3"]),
        (("data.x", "in", [3, 0.5]), [3, 0.5]),
        (("data.x", "is", 3), [3]),
        (("data.x", "is", 3.0), [3]),
        (("data.x", "is_not", 3), [0.5, -1, 10**30]),
        (("data.x", "<", 3), [0.5, -1]),
        (("data.x", ">=", 0.5), [3, 0.5, 10**30]),
        (("data.x", "is", True), [True]),
        (("data.x", "is_not", True), [False]),
        (("data.x", "is", "true"), ["true"]),
        (("data.y", "is_not", "Köln"), []),
        (("data.y", "not_known"), "all"),
    ],
)
def test_properties_are_compared_within_their_own_type(where: tuple[Any, ...], true_of: Any) -> None:
    values = ["Köln", "köln", "", "3", "true", 3, 0.5, -1, 10**30, 10**400, True, False, None, ["a", "b"], {"a": 1}]
    people = {visits({"x": value}): value for value in values}
    told = [people[person] for person in sorted(found(having(*where)), key=lambda person: person.pk)]
    assert repr(told) == repr(values if true_of == "all" else [value for value in values if value in true_of])


def test_a_property_that_is_null_is_not_known() -> None:
    nothing, null, blank, deep = visits({}), visits({"x": None}), visits({"x": ""}), visits({"x": {"y": None}})
    assert found(having("data.x", "is_known")) == {blank, deep}
    assert found(having("data.x", "not_known")) == {nothing, null}


def test_subjects_and_amounts_may_be_known_or_not() -> None:
    bare, dear = visits({}), visits({}, subject="Bristol", amount=500_000)
    assert found(having("subject", "is_known")) == found(having("amount", "is_known")) == {dear}
    assert found(having("subject", "not_known")) == found(having("amount", "not_known")) == {bare}
    assert found(having("subject", "is_not", "Bath")) == found(having("subject", "contains", "rist")) == {dear}
    assert found(having("amount", "is_not", 4)) == found(having("amount", ">=", 50)) == {dear}
    assert found(having("amount", "<", 50)) == set()


def test_category_and_brand_are_those_of_the_product_that_it_is_about() -> None:
    make_product("SPADE", category="Garden", brand="Alder")
    make_product("BOWL", category="Kitchen")
    make_product("MUG")
    spade, bowl, mug, shop = (visits({}, subject=code) for code in ("SPADE", "BOWL", "MUG", "Bristol"))
    assert found(having("category", "is", "GARDEN")) == {spade}
    assert found(having("category", "in", ["garden", "kitchen"])) == {spade, bowl}
    assert found(having("category", "is_not", "garden")) == {bowl}
    assert found(having("brand", "is_not", "wren")) == {spade}
    assert found({"none": [having("category", "is", "garden")]}) == {bowl, mug, shop}


@pytest.mark.parametrize(
    ("metric", "of", "figure"),
    [
        ("count", {}, 5),
        ("sum", {"of": "data.x"}, 6.5),
        ("avg", {"of": "data.x"}, 3.25),
        ("min", {"of": "data.x"}, 0.5),
        ("max", {"of": "data.x"}, 6),
        ("distinct", {"of": "data.x"}, 4),
        ("distinct", {"of": "subject"}, 1),
        ("distinct", {}, 1),
        ("distinct", {"of": "amount"}, 1),
        ("sum", {}, 10),
        ("avg", {"of": "amount"}, 2),
    ],
)
def test_figures_are_of_the_values_that_are_there(metric: str, of: dict[str, str], figure: float) -> None:
    ann = make_subscriber()
    for days, value in enumerate([0.5, 6, "6", None, 10**400], start=1):
        make_event(ann, "store_visit", NOW - days * DAY, data={"x": value}, amount=20_000, subject="Bristol")
    assert found(event(metric=metric, op="=", value=figure, **of)) == {ann}
    assert found(event(metric=metric, op="!=", value=figure, **of)) & {ann} == set()


def test_one_number_written_in_two_ways_is_one_value_and_a_text_is_another() -> None:
    ann = visits({"x": 1}, {"x": 1.0}, {"x": "1"}, {"x": True}, {"x": "true"}, {"x": None}, {}, {"x": [1]})
    assert found(event(metric="distinct", of="data.x", op="=", value=4)) == {ann}


def test_things_without_a_subject_are_about_nothing() -> None:
    ann = make_subscriber()
    make_event(ann, "store_visit", NOW - DAY)
    assert found(event(metric="distinct", op="=", value=0)) == {ann}


def test_nothing_adds_up_to_nought_but_has_no_average_and_no_first() -> None:
    stranger, textual = make_subscriber(), visits({"x": "6"})
    for metric in ("sum", "distinct"):
        assert stranger in found(event(metric=metric, of="data.x", op="<", value=1))
    assert found(event(metric="sum", of="data.x", op="<=", value=0)) == {stranger, textual}
    for metric in ("avg", "min", "max"):
        assert found(event(metric=metric, of="data.x", op="<", value=100)) == set()
    assert found(event(metric="first", op="<=", value="2030-01-01")) == {textual}
    assert found({"none": [event(metric="last", op="<", value="2000-01-01")]}) == {stranger, textual}


def test_first_and_last_may_be_compared_with_so_long_ago() -> None:
    ann = visits({}, {}, {})
    assert found(event(metric="first", op="=", value={"ago": [3, "days"]})) == {ann}
    assert found(event(metric="last", op="between", value=[{"ago": [1, "days"]}, {"in": [1, "days"]}])) == {ann}
    assert found(event(metric="last", op="<", value={"ago": [24, "hours"]})) == set()
    assert found(event(metric="last", op="<", value={"ago": [1439, "minutes"]})) == {ann}


@pytest.mark.parametrize("unit", ["minutes", "hours", "days", "weeks", "months"])
def test_times_beyond_the_calendar_are_its_ends(unit: str) -> None:
    ann = visits({})
    assert found(event(metric="last", op=">", value={"ago": [100_000, unit]})) == {ann}
    assert found(event(metric="last", op="<", value={"in": [100_000, unit]})) == {ann}
    assert found(event(window={"last": [100_000, unit]})) == {ann}


@pytest.mark.parametrize("edge", ["0001-01-01", "0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59.999999"])
def test_the_ends_of_the_calendar_can_be_named(edge: str) -> None:
    ann = visits({})
    before = not edge.startswith("0001")
    assert found(event(window={"before" if before else "after": edge})) == {ann}
    assert found(event(metric="last", op="<" if before else ">", value=edge)) == {ann}


X = {"field": "data.x", "op": "is", "value": "a"}


@pytest.mark.parametrize(
    ("body", "path", "words"),
    [
        ({"name": "Store visit"}, "event.name", "lower case"),
        ({"name": "store-visit"}, "event.name", "lower case"),
        ({"name": "a" * 65}, "event.name", "lower case"),
        ({"name": "a" * 10_000}, "event.name", "longer than 200"),
        ({"name": "visit\n"}, "event.name", "lower case"),
        ({"name": "visité"}, "event.name", "lower case"),
        ({"name": 4}, "event.name", "Expected a text"),
        ({"name": None}, "event.name", "Expected a text"),
        ({"metric": "median"}, "event.metric", "Expected one of: count"),
        ({"metric": {}}, "event.metric", "Expected one of: count"),
        ({"op": "is"}, "event.op", "Expected one of: >"),
        ({"value": "1"}, "event.value", "whole number"),
        ({"value": True}, "event.value", "whole number"),
        ({"value": -1}, "event.value", "from 0 to"),
        ({"value": 10**400}, "event.value", "from 0 to"),
        ({"value": float("nan")}, "event.value", "whole number"),
        ({"value": None}, "event.value", "whole number"),
        ({"op": "between"}, "event.value", "Expected a list"),
        ({"op": "between", "value": [1, 2, 3]}, "event.value", "at most 2"),
        ({"op": "between", "value": [2, 1]}, "event.value", "above the second"),
        ({"of": "amount"}, "event.of", "of the events themselves"),
        ({"metric": "first", "value": "2026-01-01", "of": "amount"}, "event.of", "of the events themselves"),
        ({"metric": "sum", "of": "subject"}, "event.of", "Only numbers"),
        ({"metric": "sum", "of": "quantity"}, "event.of", "amount, subject, data"),
        ({"metric": "sum", "of": "data.x.y"}, "event.of", "amount, subject, data"),
        ({"metric": "sum", "of": ["amount"]}, "event.of", "Expected a text"),
        ({"metric": "sum", "value": float("inf")}, "event.value", "too large"),
        ({"metric": "sum", "value": 10**15}, "event.value", "too large"),
        ({"metric": "sum", "value": 0.00001}, "event.value", "four decimals"),
        ({"metric": "avg", "of": "data.x", "value": float("nan")}, "event.value", "too large"),
        ({"metric": "avg", "of": "data.x", "value": 10**400}, "event.value", "too large"),
        ({"metric": "last", "value": "soon"}, "event.value", "Expected a date"),
        ({"metric": "last", "value": "0000-01-01"}, "event.value", "Expected a date"),
        ({"metric": "last", "value": "0001-01-01T00:00:00+14:00"}, "event.value", "Expected a date"),
        ({"metric": "last", "value": "9999-12-31T23:59:59-14:00"}, "event.value", "Expected a date"),
        ({"metric": "last", "value": "10000-01-01"}, "event.value", "Expected a date"),
        ({"metric": "last", "value": 20261119}, "event.value", "Expected a date"),
        ({"metric": "last", "value": {"ago": [1, "years"]}}, "event.value.ago[1]", "minutes, hours"),
        ({"metric": "last", "value": {"ago": [100_001, "days"]}}, "event.value.ago[0]", "from 0 to"),
        ({"metric": "last", "value": {"ago": [1, "days"], "in": [1, "days"]}}, "event.value", "exactly one of"),
        ({"metric": "last", "value": {}}, "event.value", "exactly one of"),
        ({"where": {}}, "event.where", "Expected a list"),
        ({"where": ["x"]}, "event.where[0]", "object with keys"),
        ({"where": [X] * 21}, "event.where", "at most 20"),
        ({"where": [X, {**X, "field": "colour"}]}, "event.where[1].field", "subject, amount, category"),
        ({"where": [{**X, "field": 4}]}, "event.where[0].field", "Expected a text"),
        *(
            ({"where": [{**X, "field": f"data.{name}"}]}, "event.where[0].field", "subject, amount, category")
            for name in ["", "x.y", "$.x", "x'", 'x"', "x[0]", "x->y", "été", "x y", "1x", "%s", "x" * 65, "x\n", "x#>>'{}'"]
        ),
        ({"where": [{**X, "op": "like"}]}, "event.where[0].op", "Expected one of: is"),
        ({"where": [{**X, "field": "amount", "op": "contains"}]}, "event.where[0].op", "Expected one of: is"),
        ({"where": [{**X, "field": "amount"}]}, "event.where[0].value", "Expected a number"),
        ({"where": [{**X, "field": "category", "value": 4}]}, "event.where[0].value", "Expected a text"),
        ({"where": [{**X, "value": "\0"}]}, "event.where[0].value", "null character"),
        ({"where": [{**X, "value": "\ud83d"}]}, "event.where[0].value", "half a character"),
        ({"where": [{**X, "value": "x" * 201}]}, "event.where[0].value", "longer than 200"),
        ({"where": [{**X, "value": None}]}, "event.where[0].value", "Expected a number"),
        ({"where": [{**X, "value": ["a"]}]}, "event.where[0].value", "Expected a number"),
        ({"where": [{**X, "op": ">", "value": "a"}]}, "event.where[0].value", "Expected a number"),
        ({"where": [{**X, "op": "in", "value": []}]}, "event.where[0].value", "list is empty"),
        ({"where": [{**X, "op": "in", "value": ["a", 4]}]}, "event.where[0].value[1]", "Expected a text"),
        ({"where": [{**X, "op": "in", "value": [4, "a"]}]}, "event.where[0].value[1]", "Expected a number"),
        ({"where": [{**X, "op": "in", "value": [True]}]}, "event.where[0].value[0]", "Expected a number"),
        ({"where": [{**X, "op": "in", "value": ["a"] * 501}]}, "event.where[0].value", "at most 500"),
        ({"where": [{**X, "op": "is_known"}]}, "event.where[0].value", "takes no value"),
        ({"where": [{"field": "data.x", "op": "is"}]}, "event.where[0]", "‘value’ is missing"),
        ({"where": [{**X, "not": True}]}, "event.where[0].not", "not known here"),
        ({"window": {"last": [1.5, "days"]}}, "event.window.last[0]", "whole number"),
        ({"window": {"last": [100_001, "days"]}}, "event.window.last[0]", "from 1 to"),
        ({"window": {"calendar": ["year", -1001]}}, "event.window.calendar[1]", "from -1000 to 0"),
        ({"window": {"calendar": ["month", 1]}}, "event.window.calendar[1]", "from -1000 to 0"),
        ({"window": {"between": ["2026-01-01", "2026-01-01"]}}, "event.window.between", "not before"),
        ({"window": {"after": "9999-12-31T23:59:59-01:00"}}, "event.window.after", "Expected a date"),
        ({"window": {"last": [1, "days"], "zone": "person"}}, "event.window.zone", "Only a calendar window"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(body: dict[str, Any], path: str, words: str) -> None:
    with pytest.raises(RuleError) as refusal:
        parse({"event": {"name": "store_visit", "metric": "count", "op": ">=", "value": 1, **body}})
    assert (refusal.value.path, words in refusal.value.message) == (path, True), str(refusal.value)


def test_very_many_conditions_and_very_deep_ones_are_refused_at_once() -> None:
    with pytest.raises(RuleError, match="at most 500 values"):
        parse({"any": [event()] * 10_000})
    with pytest.raises(RuleError, match=r"any\[1\].any\[0\]: A rule may hold 500 conditions"):
        parse({"any": [{"any": [event()] * 500}] * 20})
    deep: dict[str, Any] = event()
    for _level in range(50):
        deep = {"none": [deep]}
    with pytest.raises(RuleError, match="5 deep"):
        parse(deep)


def test_names_of_properties_are_never_paths() -> None:
    """Whatever the pattern lets through is one key, in every spelling."""
    ann = visits({"Select": {"x": 1}, "_x1": "a", "null": "b"})
    assert found(having("data._x1", "is", "a")) == found(having("data.null", "is", "b")) == {ann}
    assert found(having("data.select", "is_known")) == set()


def orders(**body: Any) -> dict[str, Any]:
    return {"orders": {"metric": "count", "op": ">=", "value": 1, **body}}


def after(first: Any, **body: Any) -> dict[str, Any]:
    return {"sequence": {"first": {"name": first} if isinstance(first, str) else first, **body}}


GARDEN = [{"field": "category", "op": "is", "value": "Garden"}]
PHONE = [{"field": "data.device", "op": "is", "value": "phone"}]
MONTH = {"last": [30, "days"]}
SENTENCES: list[tuple[dict[str, Any], str]] = [
    (event("product_viewed"), "who looked at a product"),
    (event("product_viewed", op="=", value=0), "who looked at no product"),
    (event("product_viewed", where=GARDEN, window=MONTH), "who looked at a product with category Garden in the last 30 days"),
    (event("product_viewed", value=2, where=GARDEN), "who looked at a product with category Garden at least 2 times"),
    (event("product_viewed", op=">", value=3, window=MONTH), "who looked at a product more than 3 times in the last 30 days"),
    (event("product_viewed", op="<", value=2), "who looked at a product fewer than 2 times"),
    (event("product_viewed", op="<=", value=1), "who looked at a product at most 1 time"),
    (event("product_viewed", op="=", value=4), "who looked at a product exactly 4 times"),
    (event("product_viewed", op="!=", value=4), "who looked at a product any number of times but 4"),
    (event("product_viewed", op="between", value=[2, 4]), "who looked at a product between 2 and 4 times"),
    (event("store_visit"), "who did ‘Store visit’"),
    (event("store_visit", op="<", value=1), "who did not do ‘Store visit’"),
    (event("store_visit", value=3), "who did ‘Store visit’ at least 3 times"),
    (event("email_clicked", op="=", value=0, window={"last": [180, "days"]}), "who clicked in no mail in the last 180 days"),
    (event("email_bounced"), "who had a mail bounce"),
    (event("email_unsubscribed", op="=", value=0), "who did not unsubscribe"),
    (event("segment_joined", window={"calendar": ["month", -1]}), "who joined a segment last month"),
    (event("order_refunded", window={"calendar": ["day", 0]}), "who got money back today"),
    (
        event("cart_updated", where=[*PHONE, {"field": "amount", "op": ">=", "value": 50}]),
        "who changed a cart with ‘device’ phone and whose amount is at least 50",
    ),
    (
        event("cart_updated", where=[{"field": "data.products", "op": "contains", "value": "BOWL"}]),
        "who changed a cart whose ‘products’ contains BOWL",
    ),
    (
        event("checkout_started", where=[{"field": "data.coupon", "op": "is_known"}]),
        "who began a checkout whose ‘coupon’ is known",
    ),
    (
        event("product_viewed", where=[{"field": "brand", "op": "is_not", "value": "Wren"}]),
        "who looked at a product whose brand is known and is not Wren",
    ),
    (
        event("store_visit", where=[{"field": "subject", "op": "in", "value": ["Bath", "Bristol"]}]),
        "who did ‘Store visit’ with subject Bath or Bristol",
    ),
    (
        event("store_visit", where=[{"field": "data.member", "op": "is", "value": True}]),
        "who did ‘Store visit’ with ‘member’ yes",
    ),
    (
        event("order_placed", "sum", ">", 500, window={"last": [90, "days"]}),
        "for whom the sum of the amounts of ‘Placed an order’ in the last 90 days is more than 500",
    ),
    (event("order_placed", "avg", "<", 20.5), "for whom the average of the amounts of ‘Placed an order’ is less than 20.5"),
    (event("order_placed", "min", ">=", 5), "for whom the smallest of the amounts of ‘Placed an order’ is at least 5"),
    (
        event("order_placed", "max", "between", [5, 1000]),
        "for whom the largest of the amounts of ‘Placed an order’ is between 5 and 1,000",
    ),
    (
        event("store_visit", "sum", "!=", 3, of="data.minutes"),
        "for whom the sum of the values of ‘minutes’ of ‘Store visit’ is not 3",
    ),
    (
        event("product_viewed", "distinct", ">=", 5, where=GARDEN),
        "for whom the number of different subjects of ‘Looked at a product’ with category Garden is at least 5",
    ),
    (
        event("product_viewed", "distinct", "=", 2, of="data.device"),
        "for whom the number of different values of ‘device’ of ‘Looked at a product’ is exactly 2",
    ),
    (
        event("store_visit", "first", "<", "2026-03-08"),
        "for whom the time of the first of ‘Store visit’ is before 8 March 2026",
    ),
    (
        event("store_visit", "last", ">=", {"ago": [30, "days"]}, where=PHONE),
        "for whom the time of the last of ‘Store visit’ with ‘device’ phone is not before 30 days ago",
    ),
    (
        event("store_visit", "last", "between", ["2026-01-01", "2026-02-01T08:30"]),
        "for whom the time of the last of ‘Store visit’ is between 1 January 2026 and 1 February 2026, 08:30 UTC",
    ),
    (orders(), "who placed an order"),
    (orders(op="=", value=0, window=MONTH), "who placed no order in the last 30 days"),
    (
        orders(metric="last", op="<", value={"ago": [6, "months"]}),
        "for whom the date of the last order is before 6 months ago",
    ),
    (
        after("cart_updated", then_not={"name": "order_placed"}, window={"last": [14, "days"]}),
        "who changed a cart in the last 14 days and who placed no order in the shop after it",
    ),
    (
        after("cart_updated", then={"name": "order_placed"}, within=[1, "hours"]),
        "who changed a cart and who placed an order in the shop within 1 hour of it",
    ),
    (
        after({"name": "product_viewed", "where": GARDEN}, then_not={"name": "store_visit", "where": PHONE}, within=[2, "weeks"]),
        "who looked at a product with category Garden and who did not do ‘Store visit’ with ‘device’ phone within 2 weeks of it",
    ),
    (
        after("email_bounced", then={"name": "email_bounced"}, window={"between": ["2026-01-01", "2026-02-01"]}),
        "who had a mail bounce from 1 January 2026 until before 1 February 2026 and who had a mail bounce after it",
    ),
    (
        {"messages": {"what": "clicked", "op": "=", "value": 0, "window": {"last": [180, "days"]}}},
        "who clicked in no mail in the last 180 days",
    ),
    (
        {"messages": {"what": "sent", "op": ">=", "value": 3, "window": MONTH,
                      "where": [{"field": "topic", "op": "is", "value": "news"}]}},
        "who were sent at least 3 mails of the topic News in the last 30 days",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "clause"), SENTENCES, ids=[clause for _rule, clause in SENTENCES])
def test_what_people_did_reads_as_a_sentence(rule: dict[str, Any], clause: str) -> None:
    make_topic()
    assert sentence(parse(rule)) == f"People {clause}."
