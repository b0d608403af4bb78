"""What can be done to a rule by the place of a node in it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segments.segmentation.builder import editing
from segments.segmentation.builder.editing import Edited, Refusal

A, B, C, D = ({"attr": name, "op": "is_known"} for name in ("country", "city", "language", "region"))
RULE: dict[str, Any] = {"v": 1, "all": [A, {"any": [B, {"none": [C]}]}, D]}


def edited(outcome: editing.Outcome) -> dict[str, Any]:
    assert isinstance(outcome, Edited), outcome
    return outcome.rule


def test_a_rule_without_a_group_at_its_top_is_put_into_one():
    assert editing.grouped(A) == {"v": 1, "all": [A]}
    assert editing.grouped(None) == {"v": 1, "all": []}
    assert editing.grouped({"any": [A]}) == {"v": 1, "any": [A]}


def test_a_rule_is_added_at_the_end_of_its_group_and_is_where_one_goes_on():
    outcome = editing.add(RULE, (1,), D)
    assert edited(outcome)["all"][1] == {"any": [B, {"none": [C]}, D]}
    assert isinstance(outcome, Edited)
    assert outcome.place == (1, 2)


def test_a_group_keeps_its_rules_when_it_is_joined_otherwise():
    assert edited(editing.regroup(RULE, (1,), "none"))["all"][1] == {"none": [B, {"none": [C]}]}
    assert edited(editing.regroup(RULE, (), "any")) == {"v": 1, "any": RULE["all"]}


def test_what_is_removed_is_gone_and_the_outermost_group_is_only_emptied():
    assert edited(editing.remove(RULE, (1, 1)))["all"][1] == {"any": [B]}
    assert edited(editing.remove(RULE, ())) == {"v": 1, "all": []}


def test_a_copy_stands_behind_what_it_is_of():
    assert edited(editing.duplicate(RULE, (0,)))["all"][:2] == [A, A]


def test_a_node_goes_up_and_down_and_out_of_its_group_at_the_edge():
    assert edited(editing.down(RULE, (0,)))["all"] == [RULE["all"][1], A, D]
    assert edited(editing.up(RULE, (1, 0)))["all"] == [A, B, {"any": [{"none": [C]}]}, D]
    assert edited(editing.down(RULE, (1, 1)))["all"] == [A, {"any": [B]}, {"none": [C]}, D]
    assert isinstance(editing.up(RULE, (0,)), Refusal)


def test_a_node_goes_into_the_group_beside_it():
    assert edited(editing.into(RULE, (2,)))["all"] == [A, {"any": [B, {"none": [C]}, D]}]
    assert edited(editing.into(RULE, (0,)))["all"] == [{"any": [A, B, {"none": [C]}]}, D]
    assert isinstance(editing.into(RULE, (1, 1, 0)), Refusal)


def test_a_node_is_moved_to_any_place_but_into_itself():
    assert edited(editing.move(RULE, (0,), (1, 1), 0))["all"] == [{"any": [B, {"none": [A, C]}]}, D]
    refusal = editing.move(RULE, (1,), (1, 1), 0)
    assert isinstance(refusal, Refusal)
    assert refusal.place == (1,)


def test_a_node_is_put_into_a_group_of_its_own_and_a_group_dissolved():
    wrapped = edited(editing.wrap(RULE, (0,)))
    assert wrapped["all"][0] == {"any": [A]}
    assert edited(editing.dissolve(wrapped, (0,))) == RULE
    assert edited(editing.wrap(RULE, ())) == {"v": 1, "all": [{"all": RULE["all"]}]}


def test_groups_deeper_than_a_rule_may_be_are_refused_where_they_would_be():
    deep = {"v": 1, "all": [{"any": [{"any": [{"any": [{"any": [A]}]}]}]}]}
    refusal = editing.wrap(deep, (0, 0, 0, 0, 0))
    assert isinstance(refusal, Refusal)
    assert refusal.place == (0, 0, 0, 0, 0)
    assert "5 deep" in refusal.message


def test_more_conditions_than_a_rule_may_hold_are_refused():
    assert isinstance(editing.add({"v": 1, "all": [A] * 499}, (), A), Edited)
    refusal = editing.add({"v": 1, "all": [A] * 500}, (), A)
    assert isinstance(refusal, Refusal)
    assert "500" in refusal.message


@pytest.mark.parametrize("place", [(9,), (0, 0), (1, -1)])
def test_a_place_that_is_not_there_is_told_apart_from_a_refusal(place: editing.Place):
    with pytest.raises(LookupError):
        editing.remove(RULE, place)


rules = st.recursive(
    st.sampled_from([A, B, C, D, {"what": "ever"}, "text", 7, None]),
    lambda inner: st.builds(
        lambda kind, kids: {kind: kids}, st.sampled_from(["all", "any", "none"]), st.lists(inner, max_size=4)
    ),
    max_leaves=12,
)
VERBS = (editing.remove, editing.duplicate, editing.up, editing.down, editing.into, editing.wrap, editing.dissolve)


@given(rules, st.data())
def test_no_edit_loses_a_condition_or_touches_the_rule_it_was_given(raw: Any, data: st.DataObject):
    rule = editing.grouped(raw)
    before = copy.deepcopy(rule)
    places = list(_places(rule, ()))
    place, verb = data.draw(st.sampled_from(places)), data.draw(st.sampled_from(VERBS))
    outcome = verb(rule, place)
    assert rule == before
    if isinstance(outcome, Edited) and verb is not editing.remove:
        more = list(editing.leaves(editing.at(rule, place))) if verb is editing.duplicate else []
        assert sorted(map(str, editing.leaves(outcome.rule))) == sorted(map(str, [*editing.leaves(rule), *more]))


def _places(node: Any, place: editing.Place) -> Any:
    yield place
    for index, child in enumerate(editing.children_of(node)):
        yield from _places(child, (*place, index))


def test_a_value_is_put_under_its_name_and_taken_away_by_none():
    raw = {"orders": {"metric": "count", "where": [{"field": "brand"}, {"field": "product"}]}}
    assert editing.put(raw, "orders.where[1].value", "X")["orders"]["where"][1] == {"field": "product", "value": "X"}
    assert editing.put(raw, "orders.where[0]", None)["orders"]["where"] == [{"field": "product"}]
    assert "where" not in editing.put(editing.put(raw, "orders.where[0]", None), "orders.where[0]", None)["orders"]
    assert editing.put({"orders": "nonsense"}, "orders.op", ">")["orders"] == {"op": ">"}
    assert editing.said(raw, "orders.where[7].value", "nothing") == "nothing"
