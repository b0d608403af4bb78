"""The published schema says of every rule what the reader of rules says of its structure."""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # It ships no types.
import pytest
from django.core.management import call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segments.segmentation.rules.kinds import kinds
from segments.segmentation.rules.parse import MAX_DEPTH, RuleError, parse
from segments.segmentation.rules.schema import described, rule_schema
from segments.segmentation.rules.vocabulary import Vocabulary
from tests.segmentation import worlds

SCHEMA = rule_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
FULL = os.environ.get("FULL") == "1"
ID = "3f2b8c1e-7a43-4d43-9a4c-2b6c37a2f7a1"


def vocabulary() -> Vocabulary:
    known = Vocabulary.of(fields={**worlds.FIELDS, "tag": "enum"}, topics={"news": "News"})
    return Vocabulary(
        known.fields,
        known.topics,
        segment=lambda uuid: ("Some", {"all": []}),
        static_list=lambda uuid: "Guests",
    )


def event(**body: Any) -> dict[str, Any]:
    return {"event": {"name": "wish_list_shared", "metric": "count", "op": ">=", "value": 1, **body}}


def among(**item: Any) -> dict[str, Any]:
    return event(where=[item])


LEAVES = [
    {"attr": "since", "op": "between", "value": ["2024-01-01", "2025-01-01"]},
    {"attr": "tier", "op": "in", "value": [1, 2]},
    {"attr": "likes", "op": "contains_all", "value": ["garden"]},
    {"attr": "city", "op": "is_known"},
    {"topic": "news", "is": "not_subscribed"},
    {"list": ID, "is": "in"},
    {"segment": ID.upper()},
    {"bucket": {"salt": "x", "from": 0, "to": 9999}},
    {"trigger": "total", "op": ">", "value": 80},
    {"trigger": "lines", "op": "is", "value": 2},
    {"trigger": "products", "op": "contains_any", "value": ["A"]},
    {"trigger": "about", "op": "in", "value": ["cart", "order"]},
    {"trigger": "data.plan", "op": "is", "value": True},
    event(),
    event(op="between", value=[1, 3], window={"calendar": ["month", -1], "zone": "person"}),
    event(metric="sum", of="data.size", value=2.5, window={"between": ["2026-01-01", "2026-02-01"]}),
    event(metric="distinct", of="subject", value=2, window={"before": "2026-02-01T08:00"}),
    event(metric="avg", value=1.25, window={"last": [3, "weeks"]}),
    event(metric="last", op="<", value={"ago": [30, "days"]}, window={"after": "2026-01-01"}),
    event(metric="first", op="between", value=["2026-01-01", {"in": [0, "days"]}]),
    among(field="subject", op="contains", value="W"),
    among(field="amount", op=">=", value=2.5),
    among(field="category", op="in", value=["Garden"]),
    among(field="data.colour", op="is_known"),
    among(field="data.colour", op="is", value=False),
    among(field="data.size", op="<", value=4),
    among(field="data.size", op="in", value=[4, 4.5]),
    {"orders": {"metric": "sum", "op": ">", "value": 12.5, "gross": True}},
    {"orders": {"metric": "last", "op": "<", "value": {"ago": [2, "months"]}, "where": []}},
    {"orders": {"metric": "distinct", "op": "!=", "value": 3, "where": [{"field": "price", "op": "in", "value": [1]}]}},
]
_leaves = st.sampled_from(LEAVES) | worlds.rules


def levels(rule: dict[str, Any]) -> int:
    """How deep groups are nested in a rule."""
    inner = [child for group in ("all", "any", "none") for child in rule.get(group, ())]
    return 1 + max(map(levels, inner)) if inner else 0


rules = _leaves | st.builds(
    lambda group, children: {"v": 1, group: children},
    st.sampled_from(["all", "any", "none"]),
    st.lists(_leaves.filter(lambda one: levels(one) < MAX_DEPTH), min_size=1, max_size=3),
)
# Rules that name a campaign or an automation are only taken where there is one.
rules = rules.filter(lambda rule: not {"campaign", "automation"} & set(re.findall(r"\w+", json.dumps(rule))))
SCRAPS: list[Any] = [
    None, True, False, 0, 1, -1, 2.5, 1.0, 10**15, 10**4, "", " ", "x", "in", "between", "2026-01-01", [], {}, [1, "days"],
    [0, "days"], ["A"], [1, 2], [1, 2, 3], {"ago": [1, "days"]}, {"v": 1}, {"last": [1, "years"]}, {"all": []}, "data.x",
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from places(item, (*path, key))


@st.composite
def mutants(draw: st.DrawFn) -> Any:
    """A rule with one or two things in it exchanged, left out or added."""
    rule: Any = copy.deepcopy(draw(rules))
    for _number in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from([place for place in places(rule) if place] or [()]))
        if not path:
            return draw(st.sampled_from(SCRAPS))
        *outer, last = path
        at: Any = rule
        for key in outer:
            at = at[key]
        match draw(st.sampled_from(["exchange", "leave out", "add", "borrow"])):
            case "exchange":
                at[last] = copy.deepcopy(draw(st.sampled_from(SCRAPS)))
            case "leave out":
                del at[last]
            case "add" if isinstance(at, dict):
                key = draw(
                    st.sampled_from(["v", "value", "where", "window", "of", "gross", "zone", "all", "attr", "x"])
                )
                at[key] = copy.deepcopy(draw(st.sampled_from(SCRAPS)))
            case _:
                at[last] = copy.deepcopy(draw(rules))
    return rule


def refusal(rule: Any) -> RuleError | None:
    try:
        parse(rule, vocabulary=vocabulary())
    except RuleError as error:
        return error
    return None


@pytest.mark.django_db  # Campaigns are looked up by name.
@settings(max_examples=4_000 if FULL else 60, deadline=None, suppress_health_check=list(HealthCheck))
@given(rule=rules)
def test_every_rule_that_is_taken_is_valid_by_the_schema(rule: Any):
    assert refusal(rule) is None
    VALIDATOR.validate(rule)


@pytest.mark.django_db
@settings(max_examples=10_000 if FULL else 200, deadline=None, suppress_health_check=list(HealthCheck))
@given(rule=mutants())
def test_whatever_the_schema_refuses_is_refused_with_its_place(rule: Any):
    refused = refusal(rule)
    if not VALIDATOR.is_valid(rule):
        assert refused is not None, rule
        assert isinstance(refused.path, str)


def test_every_spelling_is_taken_and_valid():
    for rule in LEAVES:
        assert refusal(rule) is None, rule
        VALIDATOR.validate(rule)


@pytest.mark.parametrize(
    "rule",
    [
        {"near": {"latitude": 51.45, "longitude": -2.59, "km": 25}},
        {"sequence": {"first": {"name": "cart_updated"}, "then_not": {"name": "order_placed"}, "within": [3, "days"]}},
        {"messages": {"what": "clicked", "op": "=", "value": 0, "window": {"since": "last_order"}}},
        {
            "messages": {
                "what": "sent",
                "op": "between",
                "value": [1, 3],
                "where": [{"field": "topic", "op": "is", "value": "n"}],
            }
        },
        {"attr": "created_at", "op": "<", "value": {"ago": [30, "days"]}},
        event(window={"not_since": {"attr": "contract_start"}}),
    ],
)
def test_places_sequences_mails_and_anchors_are_described(rule: Any):
    VALIDATOR.validate(rule)


@pytest.mark.parametrize(
    "rule",
    [
        {"all": [{"v": 1, "all": []}]},
        {"attr": "city", "op": "is_known", "value": "x"},
        {"attr": "city", "op": "is"},
        {"attr": "city", "op": "is", "value": "x", "topic": "news", "is": "pending"},
        {"orders": {"metric": "count", "op": ">=", "value": 1, "gross": True}},
        {"orders": {"metric": "count", "op": ">=", "value": 1.5}},
        {"orders": {"metric": "count", "op": "between", "value": 1}},
        {"messages": {"what": "read", "op": "=", "value": 0}},
        {"near": {"latitude": 91, "longitude": 0, "km": 1}},
        {"sequence": {"first": {"name": "a"}, "then": {"name": "b"}, "then_not": {"name": "b"}}},
        event(window={"last": [1, "days"], "zone": "person"}),
        among(field="amount", op="contains", value="x"),
    ],
)
def test_the_schema_sees_what_is_wrong_in_the_structure(rule: Any):
    assert not VALIDATOR.is_valid(rule)


def test_the_schema_is_itself_sound_and_describes_every_kind():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert set(kinds) <= set(described())


def test_the_published_file_is_what_the_command_writes():
    out = StringIO()
    call_command("rule_schema", stdout=out)
    published = Path(__file__).parent.parent.parent / "docs" / "rule.schema.json"
    assert json.loads(published.read_text()) == json.loads(out.getvalue()) == SCHEMA
