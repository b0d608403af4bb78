"""Editing a draft step by step: whatever one does, it stays a way through that nobody gets lost in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.automations import editing
from campaigns.automations.definition import read
from campaigns.automations.nodes import Definition
from campaigns.automations.outline import Outline

NEW: dict[str, dict[str, Any]] = {
    "wait": {"type": "wait", "for": [1, "days"]},
    "branch": {"type": "branch", "rule": {"attr": "country", "op": "is", "value": "GB"}},
    "split": {"type": "split", "ways": [{"share": 50}, {"share": 30}, {"share": 20}]},
    "wait_for": {"type": "wait_for", "event": "order_placed", "most": [3, "days"]},
    "exit": {"type": "exit", "reason": "enough"},
}


def new(id: str, kind: str = "wait") -> dict[str, Any]:
    return {"id": id, **NEW[kind]}


def draft_of(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"v": 1, "trigger": {"on": "call"}, "steps": list(steps)}


def ways(draft: dict[str, Any], step: str) -> dict[str, str]:
    return dict(Outline.of(draft).items[step].outlets)


def inserted(draft: dict[str, Any], step: str, outlet: str, body: dict[str, Any]) -> dict[str, Any]:
    made = editing.insert_after(draft, step, outlet, body)
    assert made is not None
    return made


FORKED = draft_of(
    {**new("ask", "branch"), "next": "yes", "no": "no"},
    {**new("yes"), "next": "both"},
    {**new("no"), "next": "both"},
    new("both"),
)


def test_a_step_comes_between_two_others():
    made = inserted(draft_of({**new("a"), "next": "b"}, new("b")), "a", "next", new("c"))
    assert (ways(made, "a"), ways(made, "c")) == ({"next": "c"}, {"next": "b"})


def test_a_step_at_the_very_beginning_is_where_people_begin():
    made = inserted(draft_of(new("a")), "", "", new("b"))
    assert Outline.of(made).first == "b"
    assert ways(made, "b") == {"next": "a"}


def test_all_ways_of_a_new_fork_lead_on_to_what_followed():
    made = inserted(draft_of({**new("a"), "next": "b"}, new("b")), "a", "next", new("ask", "branch"))
    assert ways(made, "ask") == {"next": "b", "no": "b"}


def test_a_step_on_one_way_leaves_the_other_and_their_join_alone():
    made = inserted(FORKED, "yes", "next", new("more"))
    assert (ways(made, "yes"), ways(made, "more")) == ({"next": "more"}, {"next": "both"})
    assert ways(made, "no") == {"next": "both"}
    assert Outline.of(made).joins["ask"] == "both"


def test_a_step_after_a_fork_is_where_its_ways_come_together():
    made = inserted(FORKED, "ask", editing.JOIN, new("meet"))
    assert Outline.of(made).joins["ask"] == "meet"
    assert (ways(made, "yes"), ways(made, "no"), ways(made, "meet")) == (
        {"next": "meet"},
        {"next": "meet"},
        {"next": "both"},
    )


def test_ways_that_end_apart_come_together_at_a_step_after_the_fork():
    made = inserted(draft_of({**new("ask", "branch"), "no": "no"}, new("no")), "ask", editing.JOIN, new("meet"))
    assert (ways(made, "ask"), ways(made, "no")) == ({"next": "meet", "no": "no"}, {"next": "meet"})


def test_an_exit_is_refused_where_others_would_be_cut_off():
    assert editing.insert_after(draft_of({**new("a"), "next": "b"}, new("b")), "a", "next", new("out", "exit")) is None


def test_without_a_step_those_before_go_on_to_those_after():
    made = editing.remove(draft_of({**new("a"), "next": "b"}, {**new("b"), "next": "c"}, new("c")), "b")
    assert made is not None
    assert ways(made, "a") == {"next": "c"}


def test_without_a_fork_its_first_way_stays_and_the_page_can_say_what_goes():
    assert editing.lost_with(FORKED, "ask") == ["no"]
    made = editing.remove(FORKED, "ask")
    assert made is not None
    assert [step["id"] for step in made["steps"]] == ["yes", "both"]


def test_a_moved_step_keeps_what_it_says():
    before = draft_of({**new("a"), "next": "b"}, {**new("b"), "for": [3, "hours"], "next": "c"}, new("c"))
    made = editing.move(before, "b", "c", "next")
    assert made is not None
    assert (ways(made, "a"), ways(made, "c")) == ({"next": "c"}, {"next": "b"})
    assert next(step for step in made["steps"] if step["id"] == "b")["for"] == [3, "hours"]


def test_a_changed_step_keeps_its_ways():
    made = editing.change(FORKED, "ask", {"rule": {"attr": "country", "op": "is", "value": "IE"}, "no": "nowhere"})
    assert made is not None
    assert made["steps"][0]["rule"]["value"] == "IE"
    assert ways(made, "ask") == {"next": "yes", "no": "no"}


def test_a_way_of_a_split_is_not_dropped_while_it_has_steps():
    before = draft_of({**new("s", "split"), "ways": [{"share": 50}, {"share": 50, "next": "b"}]}, new("b"))
    assert editing.change(before, "s", {"ways": [{"share": 100}]}) is None
    grown = editing.change(before, "s", {"ways": [{"share": 40}, {"share": 40}, {"share": 20}]})
    assert grown is not None
    assert ways(grown, "s") == {"way1": "", "way2": "b", "way3": ""}


def test_a_draft_is_never_changed_in_place():
    before = draft_of({**new("a"), "next": "b"}, new("b"))
    editing.insert_after(before, "a", "next", new("c"))
    editing.remove(before, "a")
    assert before == draft_of({**new("a"), "next": "b"}, new("b"))


def places(draft: dict[str, Any]) -> list[tuple[str, str]]:
    items = Outline.of(draft).items.values()
    forks = [(item.id, editing.JOIN) for item in items if item.forks]
    return [("", ""), *((item.id, name) for item in items for name in item.outlets), *forks]


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_sequence_of_edits_makes_a_loop_or_loses_a_step(data: st.DataObject):
    draft = draft_of()
    for _number in range(data.draw(st.integers(1, 14))):
        made: dict[str, Any] | None
        what = data.draw(st.sampled_from(["insert", "insert", "insert", "remove", "move", "change"]))
        ids = [step["id"] for step in draft["steps"]]
        if what == "insert" or not ids:
            kind = data.draw(st.sampled_from(sorted(NEW)))
            made = editing.insert_after(
                draft, *data.draw(st.sampled_from(places(draft))), new(editing.fresh_id(draft, kind), kind)
            )
        elif what == "remove":
            made = editing.remove(draft, data.draw(st.sampled_from(ids)))
        elif what == "move":
            made = editing.move(draft, data.draw(st.sampled_from(ids)), *data.draw(st.sampled_from(places(draft))))
        else:
            made = editing.change(draft, ids[0], {**NEW[draft["steps"][0]["type"]], "name": "Another"})
        if made is None:
            continue
        draft = made
        found = read(draft)
        assert isinstance(found, Definition), found
        outline = Outline.of(draft)
        assert outline.lost == []
        assert sorted(row.item.id for row in outline.rows() if not row.empty) == sorted(outline.items)


def test_what_somebody_wrote_by_hand_is_outlined_however_broken_it_is():
    broken = {
        "steps": [
            {**new("a"), "next": "nowhere"},
            "nonsense",
            {"type": "wait"},
            new("a"),
            {**new("b"), "next": "c"},
            {**new("c"), "next": "b"},
            {"id": "d", "type": "split", "ways": "none"},
        ]
    }
    outline = Outline.of(broken)
    assert outline.reached == ("a",)
    assert sorted(outline.lost) == ["b", "c", "d"]
    assert [row.item.id for row in outline.rows()] == ["a", "b", "c", "d"]
