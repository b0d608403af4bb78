"""Where the boxes of an automation stand and how its lines run. Pure geometry, in CSS pixels from the upper left corner.

Ways of a fork stand side by side and come together below; what people leave by stands at the right of its step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from campaigns.automations.outline import END, Outline

START = "@start"
WIDTH = 264
HEAD, FOOT = 56, 28
END_WIDTH, END_HEIGHT = 144, 32
MARGIN = 16
BETWEEN = 24  # Between two columns.
EMPTY_WAY = 140  # The column of a way without steps: room for the pill that names it.
GAP, FORK, JOIN = 40, 72, 52  # Below a step, below one whose ways part, above one where they come together.
SIDE_GAP, SIDE_LINE = 36, 26
CORNER = 12
THINNEST, THICKER = 1.5, 7.0


@dataclass(frozen=True)
class Side:
    """Something people leave by, at the right of a step; ``width`` is how much room its words take."""

    key: str
    width: int


@dataclass(frozen=True)
class Box:
    """Where a step stands; ``sides`` are the heights at which the ways out at its right lie, with their x."""

    id: str
    x: int
    y: int
    width: int
    height: int
    side_x: int = 0
    sides: tuple[tuple[str, int], ...] = ()

    @property
    def middle(self) -> int:
        return self.x + self.width // 2

    @property
    def bottom(self) -> int:
        return self.y + self.height


@dataclass(frozen=True)
class Line:
    """The way from a step to the next as an SVG path; (``label_x``, ``label_y``) is the middle of what is written on it."""

    step: str
    outlet: str
    to: str
    path: str
    width: float
    label_x: int
    label_y: int


@dataclass(frozen=True)
class Drawing:
    width: int
    height: int
    boxes: Mapping[str, Box]
    lines: tuple[Line, ...]


@dataclass
class _Places:
    """Columns while they are given out: the x of every step's middle, and that of every way."""

    middle: dict[str, int] = field(default_factory=dict)
    way: dict[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Room:
    """How far something reaches to the left and to the right of its middle."""

    left: int
    right: int

    @property
    def width(self) -> int:
        return self.left + self.right


def draw(
    outline: Outline,
    *,
    heights: Mapping[str, int],
    sides: Mapping[str, Sequence[Side]] | None = None,
    people: Mapping[tuple[str, str], int] | None = None,
) -> Drawing:
    """The whole drawing. ``heights`` of the boxes (START is the trigger's), ``sides`` by step, and how many ``people`` took
    each way (step, outlet); their thickest line is that of whom came in, (START, "next")."""
    sides, people = sides or {}, people or {}
    rooms = _Rooms(outline, sides)
    places = _Places()
    whole = rooms.chain(outline.first, END, set())
    spare = rooms.of(START)
    left = max(whole.left, spare.left)
    middle = MARGIN + left
    places.middle[START] = places.middle[END] = middle
    rooms.place(outline.first, END, middle, places, set())
    tops = _tops(outline, heights)
    boxes = {}
    for id, top in tops.items():
        width, height = (END_WIDTH, END_HEIGHT) if id == END else (WIDTH, heights[id])
        x = places.middle[id] - width // 2
        listed = sides.get(id, ())
        first = top + height // 2 - (len(listed) - 1) * SIDE_LINE // 2
        boxes[id] = Box(
            id,
            x,
            top,
            width,
            height,
            x + width + SIDE_GAP,
            tuple((side.key, first + number * SIDE_LINE) for number, side in enumerate(listed)),
        )
    lines = _lines(outline, boxes, places, people)
    width = middle + max(whole.right, spare.right) + MARGIN
    return Drawing(width, max(box.bottom for box in boxes.values()) + MARGIN, boxes, tuple(lines))


@dataclass
class _Rooms:
    """How wide everything is, and so where its middle is."""

    outline: Outline
    sides: Mapping[str, Sequence[Side]]

    def of(self, id: str) -> _Room:
        half = WIDTH // 2
        out = max((side.width for side in self.sides.get(id, ())), default=0)
        return _Room(half, half + (SIDE_GAP + out if out else 0))

    def chain(self, start: str, stop: str, seen: set[str]) -> _Room:
        """The room of all from ``start`` until ``stop``, one below the other."""
        left = right = 0
        at = start
        while at not in (stop, END) and at not in seen:
            seen.add(at)
            own = self.of(at)
            half = (_spread(self.ways(at, seen)) + 1) // 2
            left, right = max(left, own.left, half), max(right, own.right, half)
            at = self.outline.joins[at]
        return _Room(left, right)

    def ways(self, id: str, seen: set[str]) -> list[tuple[str, _Room]]:
        item = self.outline.items[id]
        if not item.forks:
            return []
        found = []
        for name, to in item.outlets.items():
            room = self.chain(to, self.outline.joins[id], seen)
            found.append((name, room if room.width else _Room(EMPTY_WAY // 2, EMPTY_WAY // 2)))
        return found

    def place(self, start: str, stop: str, middle: int, places: _Places, seen: set[str]) -> None:
        """Give every step from ``start`` until ``stop`` its column."""
        at = start
        while at not in (stop, END) and at not in seen:
            seen.add(at)
            places.middle[at] = middle
            item = self.outline.items[at]
            ways = self.ways(at, set(seen))
            x = middle - (_spread(ways) + 1) // 2
            for name, room in ways:
                places.way[at, name] = x + room.left
                self.place(item.outlets[name], self.outline.joins[at], x + room.left, places, seen)
                x += room.width + BETWEEN
            at = self.outline.joins[at]


def _spread(ways: Sequence[tuple[str, _Room]]) -> int:
    return sum(room.width for _name, room in ways) + BETWEEN * max(0, len(ways) - 1)


def _tops(outline: Outline, heights: Mapping[str, int]) -> dict[str, int]:
    """The y of every box: below everything that leads to it."""
    tops = {START: MARGIN, **dict.fromkeys(outline.reached, 0), END: 0}
    start = MARGIN + heights[START] + GAP
    tops[outline.first] = start
    into: dict[str, int] = {}
    for id in outline.reached:
        item = outline.items[id]
        for to in item.outlets.values() if item.forks else set(item.outlets.values()):
            into[to] = into.get(to, 0) + 1
    for id in outline.reached:
        item = outline.items[id]
        bottom = tops[id] + heights[id]
        for to in item.outlets.values():
            below = FORK if item.forks else GAP
            if into[to] > 1:
                below = max(below, JOIN) + (JOIN // 2 if item.forks else 0)
            tops[to] = max(tops[to], bottom + below)
    if not into.get(END) and outline.reached:
        del tops[END]  # Everybody leaves by a step of its own.
    elif outline.reached:
        # Below the steps too that people leave by, though no line leads on from them.
        tops[END] = max(tops[END], *(tops[id] + heights[id] + GAP for id in outline.reached))
    return tops


def _lines(
    outline: Outline, boxes: Mapping[str, Box], places: _Places, people: Mapping[tuple[str, str], int]
) -> list[Line]:
    entered = max(people.get((START, "next"), 0), *people.values(), 1) if people else 1

    def line(step: str, outlet: str, to: str, column: int) -> Line:
        box, target = boxes[step], boxes[to]
        forks = step != START and outline.items[step].forks
        fork_y = box.bottom + FORK // 2 if forks else box.bottom + (GAP // 2)
        join_y = target.y - JOIN // 2
        path = _path([(box.middle, box.bottom), (column, fork_y), (target.middle, join_y)], target.y)
        width = THINNEST + THICKER * people.get((step, outlet), 0) / entered
        label_y = fork_y if forks else box.bottom + (GAP // 2)
        return Line(step, outlet, to, path, round(width, 1), column, label_y)

    found = [line(START, "next", outline.first, boxes[START].middle)]
    for id in outline.reached:
        for outlet, to in outline.items[id].outlets.items():
            found.append(line(id, outlet, to, places.way.get((id, outlet), boxes[id].middle)))
    return found


def _path(turns: Sequence[tuple[int, int]], bottom: int) -> str:
    """Down from the first point, and over at the height of every further one, round at the corners, to ``bottom``."""
    (x, y), *rest = turns
    parts = [f"M{x} {y}"]
    for to_x, at_y in rest:
        if to_x == x:
            continue
        corner = min(CORNER, abs(to_x - x) // 2, max(0, at_y - y))
        over = corner if to_x > x else -corner
        parts.append(
            f"V{at_y - corner}Q{x} {at_y} {x + over} {at_y}H{to_x - over}Q{to_x} {at_y} {to_x} {at_y + corner}"
        )
        x, y = to_x, at_y + corner
    return "".join([*parts, f"V{bottom}"])
