"""An automation as the page draws it: boxes with words and figures, lines as thick as their people, the list beside it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext as _

from campaigns.automations import layout, words
from campaigns.automations.addresses import CLICKED, EVERY, SENT, left_out_url, people_url, url
from campaigns.automations.figures import Figures, StepFigures
from campaigns.automations.layout import START, Side
from campaigns.automations.models import Automation
from campaigns.automations.outline import END, Item, Outline
from campaigns.automations.types import Problem
from campaigns.automations.words import Names
from personalize.content.thumbnails import thumbnail_url
from personalize.dashboard.figures import Rate, rate

CANVAS = 766
"""How wide the place for the drawing is on a usual screen, in pixels."""
ZOOMS = (50, 75, 100, 125)
MOST_SIDES = 3
WAITS = ("wait", "wait_time", "wait_date", "wait_for")


@dataclass(frozen=True)
class Figure:
    """A number with the word for it and the people behind it."""

    number: int
    word: str
    url: str


@dataclass(frozen=True)
class Node:
    """A box of the drawing; ``left`` and ``right`` stand at its foot."""

    box: layout.Box
    url: str
    icon: str
    tone: str
    title: str
    second: str
    selected: bool = False
    faulty: bool = False
    mail: bool = False
    thumbnail: str = ""
    foot: bool = False
    left: Figure | None = None
    rate: Rate | None = None
    clicked_url: str = ""
    held: int = 0


@dataclass(frozen=True)
class Pill:
    """Words on a line or at its end."""

    x: int
    y: int
    label: str
    number: int
    url: str
    good: bool = False


@dataclass(frozen=True)
class Leaving:
    """The line from a step to what people leave by."""

    path: str
    width: float
    good: bool


@dataclass(frozen=True)
class Picture:
    """All that is drawn, in reading order."""

    width: int
    height: int
    zoom: int
    fits: int
    nodes: tuple[Node, ...]
    lines: tuple[layout.Line, ...]
    ways: tuple[Pill, ...]
    start: Pill | None
    leaving: tuple[Leaving, ...]
    sides: tuple[Pill, ...]
    end: Pill | None
    end_box: layout.Box | None

    @property
    def smaller(self) -> int | None:
        return max((zoom for zoom in ZOOMS if zoom < self.zoom), default=None)

    @property
    def larger(self) -> int | None:
        return min((zoom for zoom in ZOOMS if zoom > self.zoom), default=None)


@dataclass(frozen=True)
class Line:
    """A row of the list of steps; an ``empty`` one is a way without steps, into which one may be put."""

    item: Item
    indent: int
    icon: str
    tone: str
    title: str
    second: str
    url: str
    figure: Figure | None
    selected: bool
    problems: tuple[str, ...]
    here: int = 0
    here_url: str = ""
    empty: bool = False
    outlet: str = ""


@dataclass(frozen=True)
class Painter:
    """One look at an automation's draft: its outline, its figures and what is wrong with it."""

    automation: Automation
    outline: Outline
    figures: Figures
    problems: Collection[Problem]
    names: Names
    user: Any
    selected: str = ""

    def picture(self, zoom: int | None) -> Picture:
        """The drawing; without a ``zoom`` as large as fits, and never larger than life."""
        sides = {id: list(self._leaves(id)) for id in (START, *self.outline.reached)}
        drawn = layout.draw(
            self.outline,
            heights={START: layout.HEAD, **{id: self._height(self.outline.items[id]) for id in self.outline.reached}},
            sides={
                id: [Side(key, _room(label, n)) for key, label, n, _url, _good in pills] for id, pills in sides.items()
            },
            people=self.figures.on_the_ways(self.outline),
        )
        fits = max(ZOOMS[0], min(100, CANVAS * 100 // drawn.width))
        nodes = [self._start(drawn.boxes[START])]
        nodes += [self._node(self.outline.items[id], drawn.boxes[id]) for id in self._reading_order()]
        return Picture(
            drawn.width,
            drawn.height,
            zoom or fits,
            fits,
            tuple(nodes),
            drawn.lines,
            tuple(self._on_ways(drawn)),
            self._came(drawn),
            tuple(self._leaving_lines(drawn, sides)),
            tuple(
                Pill(drawn.boxes[id].side_x, y, label, n, link, good)
                for id, pills in sides.items()
                for (_key, y), (_k, label, n, link, good) in zip(drawn.boxes[id].sides, pills, strict=True)
            ),
            self._end(drawn.boxes.get(END)),
            drawn.boxes.get(END),
        )

    def lines(self) -> list[Line]:
        """The list of steps, in reading order."""
        return [self._line(row) for row in self.outline.rows()]

    def trigger(self) -> words.Words:
        """What brings people in."""
        return words.trigger_words(self.automation.draft.get("trigger"), self.names)

    def trigger_icon(self) -> str:
        """The picture of what brings people in."""
        return words.trigger_icon(self.automation.draft.get("trigger"))

    @property
    def ran(self) -> bool:
        """Whether anybody can have been in it: without a version there are no figures."""
        return self.automation.live_id is not None

    @property
    def selected_figures(self) -> StepFigures:
        """The figures of the selected step."""
        return self.figures.of(self.selected)

    def _reading_order(self) -> list[str]:
        return [row.item.id for row in self.outline.rows() if not row.empty and row.item.id in self.outline.joins]

    def _height(self, item: Item) -> int:
        return layout.HEAD + (layout.FOOT if self._has_foot(item) else 0)

    def _has_foot(self, item: Item) -> bool:
        return self.ran and (item.type == "mail" or item.type in WAITS)

    def _start(self, box: layout.Box) -> Node:
        said = self.trigger()
        faulty = any(problem.step == "" for problem in self.problems)
        return Node(
            box, url(self.automation, "tab=entry"), self.trigger_icon(), "start", said.title, said.second, faulty=faulty
        )

    def _node(self, item: Item, box: layout.Box) -> Node:
        said = words.step_words(item.body, self.names)
        at = self.figures.of(item.id)
        return Node(
            box=box,
            url=url(self.automation, f"step={item.id}"),
            icon=words.ICONS.get(item.type, "help"),
            tone=words.TONES.get(item.type, ""),
            title=said.title,
            second=said.second,
            selected=item.id == self.selected,
            faulty=any(problem.step == item.id for problem in self.problems),
            mail=item.type == "mail",
            thumbnail=self._thumbnail(item),
            foot=self._has_foot(item),
            left=self._figure(item, at),
            rate=rate(at.clicked, at.sent) if item.type == "mail" and at.sent else None,
            clicked_url=self._met(item.id, CLICKED) if at.clicked else "",
            held=at.held,
        )

    def _thumbnail(self, item: Item) -> str:
        content = self.names.templates.get(str(item.body.get("template"))) if item.type == "mail" else None
        return thumbnail_url(content=content, user=self.user)

    def _figure(self, item: Item, at: StepFigures) -> Figure | None:
        """What matters most at a step: mails sent, people waiting, or how many came through."""
        if item.type == "mail":
            return Figure(at.sent, _("sent"), self._met(item.id, SENT))
        if item.type in WAITS:
            return Figure(at.here, _("waiting"), people_url(self.automation, f"view=now&step={item.id}"))
        return Figure(at.met, _("passed"), people_url(self.automation, f"view={EVERY}&step={item.id}"))

    def _met(self, id: str, outcome: str) -> str:
        return people_url(self.automation, f"view={EVERY}&met={id}:{outcome}")

    def _line(self, row: Any) -> Line:
        item: Item = row.item
        indent = 12 + 20 * min(row.depth, 6)
        way = words.way_words(row.fork.type, row.outlet, row.fork.body) if row.fork else ""
        if row.empty:
            return Line(item, indent, "", "", way, "", "", None, False, (), empty=True, outlet=row.outlet)
        said = words.step_words(item.body, self.names)
        return Line(
            item,
            indent,
            words.ICONS.get(item.type, "help"),
            words.TONES.get(item.type, ""),
            said.title,
            way or said.second,
            url(self.automation, f"step={item.id}"),
            self._figure(item, self.figures.of(item.id)) if self.ran else None,
            item.id == self.selected,
            tuple(problem.message for problem in self.problems if problem.step == item.id),
            self.figures.of(item.id).here,
            people_url(self.automation, f"view=now&step={item.id}"),
        )

    # --- what people leave by, and what is written on the lines ----------------------------------------------------------

    def _leaves(self, id: str) -> list[tuple[str, str, int, str, bool]]:
        """(key, label, how many, their list, whether it is the goal) of a step's ways out; the largest first."""
        if id == START:
            n = self.figures.left_out
            return [("left_out", _("Left out"), n, left_out_url(self.automation, "at=30"), False)] if n else []
        goals = self._goals()
        found = [
            (
                reason,
                _cut(words.reason_words(reason)),
                n,
                people_url(self.automation, f"view={EVERY}&left={id}:{reason}"),
                reason in goals,
            )
            for reason, n in self.figures.of(id).exits.most_common(MOST_SIDES)
        ]
        return found

    def _goals(self) -> set[str]:
        """The reasons that are what one wants: those of orders."""
        listed = self.automation.draft.get("exits")
        exits = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
        return {str(one.get("reason")) for one in exits if "order_p" in str(one.get("event"))}

    def _leaving_lines(self, drawn: layout.Drawing, sides: Mapping[str, list[Any]]) -> list[Leaving]:
        entered = max(self.figures.came, 1)
        found = []
        for id, pills in sides.items():
            box = drawn.boxes[id]
            middle = box.y + box.height // 2
            for (_key, y), (_k, _label, n, _url, good) in zip(box.sides, pills, strict=True):
                over = box.x + box.width
                path = (
                    f"M{over} {middle}H{box.side_x}"
                    if y == middle
                    else f"M{over} {middle}H{over + 20}V{y}H{box.side_x}"
                )
                width = round(layout.THINNEST + layout.THICKER * min(1, n / entered), 1)
                found.append(Leaving(path, width, good))
        return found

    def _on_ways(self, drawn: layout.Drawing) -> list[Pill]:
        people = self.figures.on_the_ways(self.outline)
        return [
            Pill(
                line.label_x,
                line.label_y,
                words.way_words(item.type, line.outlet, item.body),
                people[line.step, line.outlet],
                self._met(line.step, _outcome(item.type, line.outlet)),
            )
            for line in drawn.lines
            if line.step != START and (item := self.outline.items[line.step]).forks
        ]

    def _came(self, drawn: layout.Drawing) -> Pill | None:
        if not self.ran:
            return None
        line = drawn.lines[0]
        link = people_url(self.automation, f"view={EVERY}&came=30")
        return Pill(line.label_x, line.label_y, _("in 30 days"), self.figures.came, link)

    def _end(self, box: layout.Box | None) -> Pill | None:
        if box is None:
            return None
        link = people_url(self.automation, f"view={EVERY}&left=:done")
        return Pill(box.x, box.y, _("The end"), self.figures.done, link)


def _outcome(kind: str, outlet: str) -> str:
    first = outlet == "next"
    return {"branch": "yes" if first else "no", "wait_for": "happened" if first else "timed_out"}.get(kind, "way")


def _cut(label: str) -> str:
    return label if len(label) <= 26 else f"{label[:25]}…"


def _room(label: str, number: int) -> int:
    """About how wide a pill with these words is: a letter of 12 px is 6.4 wide on average."""
    return int(6.4 * (len(label) + len(intcomma(number)) + 1)) + 32
