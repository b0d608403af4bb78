"""How rules are drawn, finished or not, and what becomes of a condition when a part of it is answered."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from segments.segmentation.builder import drawing
from segments.segmentation.builder.drawing import Drawing, Twig
from segments.segmentation.builder.parts import Choose, Fill, Setting, editor_of, things
from segments.segmentation.rules.parse import parse
from segments.subscribers.models import AttributeDefinition
from tests.factories import make_topic

pytestmark = pytest.mark.django_db

GB = {"attr": "country", "op": "in", "value": ["GB"]}


def drawn(raw: Any, **setting: Any) -> Drawing:
    return drawing.draw_rule(raw, Setting.of(**setting))


def leaf(raw: Any, **setting: Any) -> Twig:
    root = drawn({"all": [raw]}, **setting).root
    assert root is not None
    return root.children[0]


def answer(raw: Any, name: str, value: Any) -> Any:
    editor = editor_of(raw)
    assert editor is not None
    return editor.changed(raw, name, value, Setting.of())


@pytest.fixture
def attributes() -> None:
    for key, kind in {
        "tier": "enum",
        "garden": "bool",
        "points": "int",
        "visit": "date",
        "seen": "datetime",
        "likes": "multi",
    }.items():
        choices = ["Silver", "Gold"] if key == "tier" else []
        AttributeDefinition.objects.create(key=key, label=key.title(), type=kind, choices=choices)
    make_topic("news")


@pytest.mark.usefixtures("attributes")
@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (GB, "Country is one of United Kingdom"),
        ({"attr": "garden", "op": "is", "value": True}, "Garden is yes"),
        ({"attr": "points", "op": "between", "value": [10, 1000]}, "Points is between 10 and 1,000"),
        ({"attr": "visit", "op": "<", "value": {"ago": [30, "days"]}}, "Visit is before 30 days ago"),
        ({"attr": "seen", "op": ">=", "value": "2026-11-19T08:40"}, "Seen is not before 19 November 2026, 08:40 UTC"),
        ({"attr": "city", "op": "not_known"}, "City is not known"),
        ({"orders": {"metric": "count", "op": ">=", "value": 2, "window": {"last": [12, "months"]}}},
         "Orders were placed at least 2 times in the last 12 months"),
        ({"orders": {"metric": "count", "op": "=", "value": 0}}, "Orders were placed not once at any time"),
        ({"orders": {"metric": "sum", "op": ">", "value": 500, "gross": True}},
         "Orders are worth, before refunds, more than 500 at any time"),
        ({"orders": {"metric": "last", "op": "<", "value": {"ago": [3, "months"]}}},
         "Orders were placed for the last time before 3 months ago at any time"),
        ({"event": {"name": "product_viewed", "metric": "count", "op": ">=", "value": 2, "window": {"calendar": ["month", 0]}}},
         "Looked at a product happened at least 2 times this month"),
        ({"sequence": {"first": {"name": "cart_updated"}, "then_not": {"name": "order_placed"}, "within": [3, "days"]}},
         "One thing after another Changed a cart at any time and then never came Placed an order within 3 days"),
        ({"messages": {"what": "clicked", "op": "=", "value": 0}}, "Clicked in a mail of ours not once at any time"),
        ({"near": {"latitude": 51.45, "longitude": -2.59, "km": 25}}, "Where they live is within 25 km of 51.45, -2.59"),
        ({"topic": "news", "is": "subscribed"}, "Topic is subscribed to News"),
        ({"bucket": {"salt": "x", "from": 0, "to": 999}}, "Random share is among 10% by ‘x’"),
    ],
)  # fmt: skip
def test_every_kind_of_condition_is_a_sentence_of_buttons_with_nothing_wrong(raw: Any, words: str) -> None:
    found = leaf(raw)
    assert (found.sentence, found.message) == (words, "")


def test_filters_stand_beneath_as_lines_of_their_own_and_can_be_taken_out() -> None:
    where = [{"field": "category", "op": "in", "value": ["Candles", "Tableware"]}]
    raw = {"orders": {"metric": "count", "op": ">=", "value": 1, "where": where}}
    line = leaf(raw).lines[1]
    assert [button.part.words for button in line][:4] == ["with", "category", "is one of", "Candles or Tableware"]
    assert answer(raw, "orders.where[0]", None) == {"orders": {"metric": "count", "op": ">=", "value": 1}}


def test_what_is_wrong_is_told_at_the_condition_and_at_the_button_that_says_it() -> None:
    raw = {
        "all": [GB, {"any": [{"orders": {"metric": "count", "op": ">=", "value": 1, "window": {"last": [0, "days"]}}}]}]
    }
    found = drawn(raw)
    assert found.node is None
    assert [path for path, _message in found.problems] == ["all[1].any[0]"]
    assert found.root is not None
    wrong = [b.part.name for line in found.root.children[1].children[0].lines for b in line if b.part.wrong]
    assert wrong == ["orders.window"]


def test_an_unfinished_condition_is_told_from_a_wrong_one() -> None:
    fresh, wrong = leaf({"attr": "country", "op": "in"}), leaf({"attr": "country", "op": "in", "value": [7]})
    assert (fresh.open, fresh.message) == (True, "Not finished yet.")
    assert (wrong.open, wrong.message) == (False, "Expected a text.")


def test_an_empty_group_is_unfinished_except_at_the_top() -> None:
    found = drawn({"all": [{"any": []}]})
    assert found.problems == [("all[0]", "Nothing is in this group yet.")]
    assert drawn({"all": []}).node is not None


def test_a_segment_may_not_name_itself_and_a_trigger_not_stand_in_a_segment(maya: Any) -> None:
    from segments.segmentation.services import create_segment

    one = create_segment(name="One", rule={"all": []}, actor=maya)
    assert "contain itself" in leaf({"segment": str(one.uuid)}, segment=one.uuid).message
    assert "not in a segment" in leaf({"trigger": "total", "op": ">", "value": 80}).message
    assert leaf({"trigger": "total", "op": ">", "value": 80}, trigger=True).message == ""


def test_only_where_something_brings_people_in_one_can_ask_about_it() -> None:
    assert not any(thing.key.startswith("trigger") for thing in things(Setting.of()))
    assert any(thing.key.startswith("trigger") for thing in things(Setting.of(trigger=True)))


@pytest.mark.usefixtures("attributes")
def test_everything_one_can_ask_about_is_drawn_when_fresh_and_asks_for_what_it_lacks() -> None:
    for thing in things(Setting.of(trigger=True)):
        found = leaf(thing.fresh, trigger=True)
        assert found.editable, thing.key
        assert not found.message or found.open, (thing.key, found.message)
        for line in found.lines:
            for button in line:
                if button.part.ask and button.part.role != "drop":
                    assert isinstance(button.part.ask(), Choose | Fill)


def test_another_comparison_keeps_what_it_can_of_the_value() -> None:
    raw = {"attr": "city", "op": "is", "value": "Bath"}
    assert answer(raw, "op", "in") == {"attr": "city", "op": "in", "value": ["Bath"]}
    assert answer({**raw, "op": "in", "value": ["Bath", "Wells"]}, "op", "is")["value"] == "Bath"
    assert answer(raw, "op", "is_known") == {"attr": "city", "op": "is_known"}
    assert answer({"attr": "age", "op": ">", "value": 30}, "op", "between")["value"] == [30, 30]


def test_at_least_once_and_not_once_are_said_without_a_number() -> None:
    raw = {"orders": {"metric": "count", "op": ">=", "value": 5}}
    assert answer(raw, "orders.op", "never")["orders"] == {"metric": "count", "op": "=", "value": 0}
    assert answer(answer(raw, "orders.op", "ever"), "orders.op", ">=")["orders"]["value"] == 2


def test_a_figure_of_another_kind_forgets_its_value() -> None:
    raw = {"orders": {"metric": "count", "op": ">=", "value": 5, "window": {"last": [1, "days"]}}}
    last = answer(raw, "orders.metric", "last")
    assert last["orders"]["window"] == raw["orders"]["window"]
    assert parse({"all": [last]})
    assert "value" not in answer(raw, "orders.metric", "avg")["orders"]
    assert answer(raw, "orders.metric", "sum gross")["orders"]["gross"] is True


def test_a_property_that_is_typed_becomes_a_filter_with_a_value_of_its_type() -> None:
    raw = {"event": {"name": "quiz_done", "metric": "count", "op": ">=", "value": 1}}
    part = drawing.part_at(raw, "event.where[+]", Setting.of())
    assert part is not None
    assert part.ask is not None
    asked = part.ask()
    assert isinstance(asked, Choose)
    made = answer(raw, "event.where[+]", asked.read(["score"]))
    made = answer(made, "event.where[0].op", ">=")
    made = answer(made, "event.where[0].value", 7)
    assert made["event"]["where"] == [{"field": "data.score", "op": ">=", "value": 7}]
    assert parse({"all": [made]})


def test_what_cannot_be_used_yet_changes_nothing_for_the_rest() -> None:
    raw = {"all": [GB, {"attr": "city", "op": "in"}, {"none": [{"attr": "gone", "op": "is_known"}]}, {"any": []}]}
    rule, gone = drawing.finished(raw, Setting.of())
    assert gone == 2
    nobody: dict[str, Any] = {"none": [{"all": []}]}
    assert rule == {"all": [GB, {"all": []}, {"none": [nobody]}, {"all": []}]}
    assert parse(rule)


scalars = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.floats(allow_nan=False), st.text(max_size=8))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["attr", "op", "value", "orders", "event", "metric", "where", "field", "window", "last", "sequence", "first",
                 "then", "name", "messages", "what", "near", "topic", "is", "list", "segment", "bucket", "trigger", "all", "any"]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=14,
)  # fmt: skip


@examples(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(values)
def test_whatever_stands_in_a_rule_is_drawn_and_every_question_can_be_asked(raw: Any) -> None:
    setting = Setting.of(trigger=True)
    found = drawing.draw_rule(raw, setting)
    drawing.finished(raw, setting)
    assert found.root is not None
    for twig in found.root.walk():
        for button in (button for line in twig.lines for button in line):
            if button.part.ask:
                button.part.ask()
