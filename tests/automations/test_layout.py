"""The drawing of an automation: nothing on top of anything else, and a line for every way."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.automations import editing, layout
from campaigns.automations.outline import END, Outline
from tests.automations.test_editing import FORKED, NEW, draft_of, new, places


def drawn(draft: dict[str, Any], **more: Any) -> layout.Drawing:
    outline = Outline.of(draft)
    heights = dict.fromkeys(outline.reached, 84)
    return layout.draw(outline, heights={layout.START: 56, **heights}, **more)


def test_an_empty_automation_is_a_trigger_and_an_end():
    found = drawn(draft_of())
    assert set(found.boxes) == {layout.START, END}
    assert [(line.step, line.to) for line in found.lines] == [(layout.START, END)]


def test_steps_stand_below_one_another_and_the_ways_of_a_fork_side_by_side():
    boxes = drawn(FORKED).boxes
    assert boxes["ask"].middle == boxes["both"].middle == boxes[END].middle
    assert boxes["yes"].y == boxes["no"].y > boxes["ask"].bottom
    assert boxes["yes"].middle < boxes["ask"].middle < boxes["no"].middle
    assert boxes["both"].y > boxes["yes"].bottom


def test_a_line_is_as_thick_as_the_part_of_the_people_that_took_it():
    people = {(layout.START, "next"): 100, ("ask", "next"): 50, ("ask", "no"): 0}
    widths = {(line.step, line.outlet): line.width for line in drawn(FORKED, people=people).lines}
    assert widths[layout.START, "next"] == 8.5
    assert widths["ask", "next"] == 5.0
    assert widths["ask", "no"] == 1.5


def test_what_people_leave_by_has_room_at_the_right_of_its_step():
    found = drawn(FORKED, sides={"yes": [layout.Side("order", 120), layout.Side("left", 90)]})
    yes, no = found.boxes["yes"], found.boxes["no"]
    assert no.x >= yes.side_x + 120
    assert [y for _key, y in yes.sides] == sorted(y for _key, y in yes.sides)


def test_an_automation_where_everybody_leaves_by_a_step_has_no_other_end():
    assert END not in drawn(draft_of(new("out", "exit"))).boxes


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_no_two_boxes_overlap_and_every_way_is_drawn(data: st.DataObject):
    draft = draft_of()
    for _number in range(data.draw(st.integers(0, 16))):
        kind = data.draw(st.sampled_from(sorted(NEW)))
        draft = (
            editing.insert_after(
                draft, *data.draw(st.sampled_from(places(draft))), new(editing.fresh_id(draft, kind), kind)
            )
            or draft
        )
    outline = Outline.of(draft)
    sides = {id: [layout.Side("x", 100)] for id in outline.reached if data.draw(st.booleans())}
    found = drawn(draft, sides=sides)
    for one, other in itertools.combinations(found.boxes.values(), 2):
        apart = (
            max(one.x + one.width, one.side_x + 100 if one.sides else 0) <= other.x
            or max(other.x + other.width, other.side_x + 100 if other.sides else 0) <= one.x
            or one.bottom <= other.y
            or other.bottom <= one.y
        )
        assert apart, (one, other)
    for box in found.boxes.values():
        assert box.x >= 0
        assert box.x + box.width <= found.width
        assert box.bottom <= found.height
    ways = {(item.id, name, to) for item in outline.items.values() for name, to in item.outlets.items()}
    assert {(line.step, line.outlet, line.to) for line in found.lines} == ways | {(layout.START, "next", outline.first)}
    assert all(found.boxes[line.to].y > found.boxes[line.step].bottom for line in found.lines)
