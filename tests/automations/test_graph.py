"""Steps as a graph: loops and lost steps are found wherever they are, and nothing else is."""

from __future__ import annotations

import pytest

from campaigns.automations import graph
from campaigns.automations.nodes import BranchStep, Duration, SplitStep, Step, WaitForStep, WaitStep, Way


def wait(id: str, next: str = "") -> Step:
    return WaitStep(id=id, next=next, duration=Duration(1, "hours"))


def branch(id: str, yes: str, no: str) -> Step:
    return BranchStep(id=id, rule={}, next=yes, no=no)


def awaited(id: str, next: str, late: str) -> Step:
    return WaitForStep(id=id, match=None, rule=None, most=Duration(1, "days"), next=next, late=late)


def split(id: str, *ways: str) -> Step:
    return SplitStep(id=id, ways=tuple(Way(100 // len(ways), way) for way in ways))


@pytest.mark.parametrize(
    ("steps", "found"),
    [
        ([], []),
        ([wait("a", "b"), wait("b")], []),
        ([wait("a", "a")], [("a", "next")]),
        ([wait("a", "b"), wait("b", "c"), wait("c", "a")], [("c", "next")]),
        # Two ways that meet again are no loop.
        ([branch("a", "b", "c"), wait("b", "d"), wait("c", "d"), wait("d")], []),
        ([branch("a", "b", "c"), wait("b", "d"), wait("c", "d"), wait("d", "a")], [("d", "next")]),
        ([branch("a", "b", "a"), wait("b")], [("a", "no")]),
        ([awaited("a", "b", "c"), wait("b"), wait("c", "a")], [("c", "next")]),
        ([split("a", "b", "c"), wait("b", "a"), wait("c", "a")], [("b", "next"), ("c", "next")]),
        ([wait("a", "b"), branch("b", "c", ""), branch("c", "b", "d"), wait("d")], [("c", "next")]),
        # A loop to which no way leads is only a lost one.
        ([wait("a"), wait("b", "c"), wait("c", "b")], []),
    ],
)
def test_a_loop_is_found_where_it_closes(steps: list[Step], found: list[tuple[str, str]]):
    by_id = {step.id: step for step in steps}
    assert sorted(graph.loops(steps[0].id if steps else "", by_id)) == sorted(found)


def test_a_long_way_needs_no_deep_stack():
    steps = {f"s{n}": wait(f"s{n}", f"s{n + 1}" if n < 4_999 else "s0") for n in range(5_000)}
    assert graph.loops("s0", steps) == [("s4999", "next")]
    assert len(list(graph.walk("s0", steps))) == 5_000


def test_steps_are_walked_after_what_leads_to_them():
    steps = [branch("a", "b", "c"), wait("b", "d"), wait("c", "d"), wait("d")]
    assert list(graph.walk("a", {step.id: step for step in steps})) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("steps", "found"),
    [
        ([wait("a", "x")], [("a", "next")]),
        ([branch("a", "b", "x"), wait("b")], [("a", "no")]),
        ([split("a", "b", "x"), wait("b")], [("a", "way2")]),
        ([wait("a"), wait("b", "c"), wait("c", "b")], [("b", "id"), ("c", "id")]),
    ],
)
def test_ways_into_nothing_and_lost_steps_are_said_at_their_place(steps: list[Step], found: list[tuple[str, str]]):
    problems = graph.problems("a", {step.id: step for step in steps})
    assert [(problem.step, problem.field) for problem in problems] == found
