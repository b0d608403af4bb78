"""Reading rules strictly, with refusals that say where and why, and putting them into words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from segments.segmentation import services
from segments.segmentation.models import Segment
from segments.segmentation.rules.parse import RuleError, parse
from segments.segmentation.rules.sentence import sentence
from segments.segmentation.rules.vocabulary import Vocabulary
from segments.subscribers.models import AttributeDefinition
from tests.factories import make_topic

pytestmark = pytest.mark.django_db

GB = {"attr": "country", "op": "is", "value": "GB"}


def orders(**body: Any) -> dict[str, Any]:
    return {"orders": {"metric": "count", "op": ">=", "value": 1, **body}}


def nested(depth: int) -> dict[str, Any]:
    return {"all": [nested(depth - 1)]} if depth else GB


@pytest.mark.parametrize(
    ("rule", "path", "words"),
    [
        ([], "", "Expected a rule."),
        ({}, "", "exactly one of"),
        ({"v": 2, "all": []}, "v", "version 1"),
        ({"all": [GB], "any": [GB]}, "any", "not known here"),
        ({"any": []}, "any", "empty"),
        ({"all": [GB, {"some": [GB]}]}, "all[1]", "exactly one of"),
        ({"all": [{**GB, "topic": "news"}]}, "all[0]", "exactly one of"),
        ({"attr": "shoe_size", "op": "is", "value": 4}, "attr", "no field ‘shoe_size’"),
        ({"attr": "country", "op": ">", "value": "GB"}, "op", "Expected one of: is, is_not"),
        ({"attr": "country", "op": "is"}, "", "‘value’ is missing"),
        ({"attr": "country", "op": "is_known", "value": "GB"}, "value", "takes no value"),
        ({"attr": "country", "op": "in", "value": "GB"}, "value", "Expected a list"),
        ({"attr": "country", "op": "in", "value": ["GB", 4]}, "value[1]", "Expected a text"),
        ({"attr": "age", "op": "is", "value": True}, "value", "Expected a whole number"),
        ({"attr": "age", "op": "between", "value": [40, 30]}, "value", "above the second"),
        ({"attr": "created_at", "op": "<", "value": "soon"}, "value", "Expected a date"),
        ({"attr": "created_at", "op": "<", "value": {"ago": [3, "years"]}}, "value.ago[1]", "minutes, hours"),
        (
            {"attr": "created_at", "op": "<", "value": {"ago": [3, "days"], "in": [3, "days"]}},
            "value",
            "exactly one of",
        ),
        ({"attr": "renewal", "op": "<", "value": {"in": [3, "hours"]}}, "value.in[1]", "days, weeks, months"),
        ({"attr": "renewal", "op": "<", "value": {"in": [-3, "days"]}}, "value.in[0]", "from 0 to"),
        (
            {"attr": "renewal", "op": "between", "value": [{"in": [3, "days"]}, {"ago": [3, "days"]}]},
            "value",
            "above the second",
        ),
        ({"attr": "age", "op": "is", "value": {"in": [3, "days"]}}, "value", "Expected a whole number"),
        ({"attr": "birthday", "op": "is", "value": "2026-11-19"}, "op", "within_next"),
        ({"attr": "birthday", "op": "within_next", "value": [0, "days"]}, "value[0]", "from 1 to 366"),
        ({"attr": "birthday", "op": "within_next", "value": [13, "months"]}, "value[0]", "from 1 to 12"),
        ({"attr": "birthday", "op": "within_next", "value": [3, "hours"]}, "value[1]", "days, weeks, months"),
        ({"all": [GB, orders(metric="median")]}, "all[1].orders.metric", "Expected one of: count"),
        ({"all": [GB, orders(window={"last": [3, "years"]})]}, "all[1].orders.window.last[1]", "minutes, hours"),
        ({"all": [GB, orders(window={"last": [3, "days"], "before": "2026-01-01"})]}, "all[1].orders.window", "one of"),
        (orders(window={"between": ["2026-02-01", "2026-01-01"]}), "orders.window.between", "not before"),
        (orders(value="1"), "orders.value", "whole number"),
        (orders(metric="sum", value=0.00001), "orders.value", "four decimals"),
        (orders(metric="sum", value=float("inf")), "orders.value", "too large"),
        (orders(gross=True), "orders.gross", "Only a sum"),
        (orders(where=[{"field": "colour", "op": "is", "value": "red"}]), "orders.where[0].field", "product"),
        (orders(where=[{"field": "status", "op": "is", "value": "lost"}]), "orders.where[0].value", "placed"),
        (orders(where=[{"field": "brand", "op": "<", "value": "x"}]), "orders.where[0].op", "is, is_not, in"),
        ({"topic": "knitting", "is": "subscribed"}, "topic", "no topic ‘knitting’"),
        ({"bucket": {"salt": "x", "from": 0, "to": 10_000}}, "bucket.to", "from 0 to 9999"),
        ({"segment": "not-an-id"}, "segment", "Expected an id"),
        ({"segment": "8d4c4b0e-7a43-4d43-9a4c-2b6c37a2f7a1"}, "segment", "no such segment"),
        (nested(6), "all[0].all[0].all[0].all[0].all[0]", "5 deep"),
        ({"any": [{"all": [GB] * 400}, {"all": [GB] * 101}]}, "any[1].all[100]", "500 conditions"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(rule: Any, path: str, words: str) -> None:
    AttributeDefinition.objects.create(key="renewal", label="renewal", type="date")
    with pytest.raises(RuleError) as refusal:
        parse(rule)
    assert refusal.value.path == path
    assert words in refusal.value.message


def test_five_levels_and_five_hundred_conditions_are_fine() -> None:
    parse(nested(5))
    parse({"all": [GB] * 500})


def test_registered_attributes_are_compared_by_their_type() -> None:
    AttributeDefinition.objects.create(key="tier", label="Tier", type="enum", choices=["gold", "silver"])
    parse({"attr": "tier", "op": "is", "value": "gold"})
    with pytest.raises(RuleError, match="Expected one of: gold, silver"):
        parse({"attr": "tier", "op": "is", "value": "bronze"})
    with pytest.raises(RuleError, match="Expected one of: is, is_not"):
        parse({"attr": "tier", "op": "contains", "value": "gold"})


def test_a_given_vocabulary_asks_no_database(django_assert_num_queries: Any) -> None:
    vocabulary = Vocabulary.of(fields={"shoe_size": "int"}, topics={"news": "News"})
    with django_assert_num_queries(0):
        parse(
            {"all": [{"attr": "shoe_size", "op": ">", "value": 4}, {"topic": "news", "is": "pending"}]},
            vocabulary=vocabulary,
        )


def test_a_segment_may_not_contain_itself_however_indirectly(maya: Any) -> None:
    inner = services.create_segment(name="Inner", rule={"all": [GB]}, actor=maya)
    outer = services.create_segment(name="Outer", rule={"any": [{"segment": str(inner.uuid)}]}, actor=maya)
    with pytest.raises(RuleError, match="contain itself"):
        services.update_segment(
            segment=inner, lock_version=0, name="Inner", rule={"all": [{"segment": str(outer.uuid)}]}, actor=maya
        )
    with pytest.raises(RuleError, match="contain itself"):
        services.update_segment(
            segment=inner, lock_version=0, name="Inner", rule={"all": [{"segment": str(inner.uuid)}]}, actor=maya
        )
    # Even where a loop was written past the services, reading ends.
    Segment.objects.filter(pk=inner.pk).update(rule={"all": [{"segment": str(outer.uuid)}]})
    with pytest.raises(RuleError, match="contain itself"):
        parse({"segment": str(outer.uuid)})


def test_a_change_based_on_an_old_reading_is_refused(maya: Any) -> None:
    segment = services.create_segment(name="British", rule={"all": [GB]}, actor=maya)
    changed = services.update_segment(segment=segment, lock_version=0, name="Brits", rule={"all": []}, actor=maya)
    assert changed == segment
    late = services.update_segment(segment=segment, lock_version=0, name="Late", rule={"all": [GB]}, actor=maya)
    assert late is services.Refused.CHANGED_MEANWHILE
    assert Segment.objects.get().name == "Brits"


def test_a_rule_that_cannot_be_used_is_not_saved(maya: Any) -> None:
    with pytest.raises(RuleError):
        services.create_segment(name="Odd", rule={"all": [{"attr": "odd", "op": "is", "value": 1}]}, actor=maya)
    assert not Segment.objects.exists()


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"all": []}, "Everyone."),
        (GB, "People whose country is United Kingdom."),
        ({"none": [GB]}, "Everyone, except those whose country is United Kingdom."),
        ({"attr": "country", "op": "in", "value": ["GB"]}, "People whose country is United Kingdom."),
        (
            {"attr": "interests", "op": "contains_any", "value": ["Candles", "Garden"]},
            "People who have ‘Candles’ or ‘Garden’ among their interests.",
        ),
        (
            {"attr": "interests", "op": "contains_all", "value": ["Candles"]},
            "People who have ‘Candles’ among their interests.",
        ),
        ({"attr": "interests", "op": "not_known"}, "People whose interests are not known."),
        (
            {
                "all": [
                    {"attr": "country", "op": "in", "value": ["GB", "IE"]},
                    {
                        "any": [
                            {"topic": "news", "is": "subscribed"},
                            {"attr": "age", "op": "between", "value": [30, 40]},
                        ]
                    },
                    {"none": [orders(window={"last": [30, "days"]})]},
                ]
            },
            "People whose country is one of United Kingdom or Ireland and (who are subscribed to News or whose age is"
            " between 30 and 40), except those who placed an order in the last 30 days.",
        ),
        (
            orders(metric="sum", op=">", value=1500.5, where=[{"field": "category", "op": "is", "value": "Garden"}]),
            "People for whom the sum of orders less refunds with category Garden is more than 1,500.5.",
        ),
        (
            orders(metric="last", op="<", value="2026-03-08", window={"between": ["2026-01-01", "2026-06-01"]}),
            "People for whom the date of the last order from 1 January 2026 until before 1 June 2026 is before 8 March"
            " 2026.",
        ),
        (
            {"attr": "renewal", "op": "between", "value": [{"in": [0, "days"]}, {"in": [30, "days"]}]},
            "People whose renewal is between today and 30 days from today.",
        ),
        (
            {"attr": "renewal", "op": "<", "value": {"ago": [1, "months"]}},
            "People whose renewal is before 1 month ago.",
        ),
        ({"attr": "seen", "op": ">", "value": {"ago": [3, "hours"]}}, "People whose last visit is after 3 hours ago."),
        (
            {"attr": "seen", "op": "<", "value": {"in": [2, "weeks"]}},
            "People whose last visit is before 2 weeks from now.",
        ),
        (
            {"attr": "birthday", "op": "within_next", "value": [7, "days"]},
            "People whose birthday is within 7 days from today on.",
        ),
        ({"attr": "birthday", "op": "within_next", "value": [1, "days"]}, "People whose birthday is today."),
        (
            {"any": [GB, {"none": [GB]}]},
            "People whose country is United Kingdom or (who are not among those whose country is United Kingdom).",
        ),
    ],
)
def test_a_rule_reads_as_one_sentence(rule: Any, words: str) -> None:
    make_topic()
    AttributeDefinition.objects.create(key="renewal", label="renewal", type="date")
    AttributeDefinition.objects.create(key="seen", label="last visit", type="datetime")
    AttributeDefinition.objects.create(key="interests", label="Interests", type="multi")
    assert sentence(parse(rule)) == words


def test_rules_survive_being_stored_as_json() -> None:
    rule = {"v": 1, "all": [orders(metric="avg", value=[0.1, 12.34], op="between")]}
    assert parse(json.loads(json.dumps(rule))) == parse(rule)
