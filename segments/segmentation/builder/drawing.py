"""From a rule's JSON, unfinished or wrong as it may be, to the tree that is drawn: every condition a sentence of buttons.

Each condition is read by itself, so that what is wrong is said where it stands and the rest is drawn all the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.translation import gettext as _

from segments.segmentation.builder import editing
from segments.segmentation.builder.editing import Place, Raw
from segments.segmentation.builder.parts import Choice, Choose, Part, Setting, editor_of, things
from segments.segmentation.rules.nodes import Node
from segments.segmentation.rules.parse import MAX_DEPTH, RuleError, parse, parse_node
from segments.segmentation.rules.reading import at
from segments.segmentation.rules.sentence import sentence

TITLE, KIND, MORE, ADD, NEST = "title", "kind", "more", "add", "nest"
"""Names of the parts that every condition or group has: what is asked about, which group, what can be done, what comes in."""


@dataclass(frozen=True)
class Button:
    """A part as it stands on the page."""

    id: str
    part: Part

    @property
    def open(self) -> bool:
        """Whether it is still to be answered."""
        return self.part.ask is not None and not self.part.words


@dataclass
class Twig:
    """A condition or a group as the page draws it.

    ``path`` is where the JSON has it, ``message`` what is wrong with it, which while ``open`` is only
    that it is not finished; ``refused`` is why an edit was not made. ``kind`` is all, any or none for a group.
    """

    id: str
    place: Place
    path: str
    kind: str = ""
    title: str = ""
    lines: list[list[Button]] = field(default_factory=list)
    children: list[Twig] = field(default_factory=list)
    message: str = ""
    open: bool = False
    editable: bool = True
    refused: str = ""

    @property
    def address(self) -> str:
        """The place as it is sent."""
        return address_of(self.place)

    @property
    def sentence(self) -> str:
        """The condition as one reads it, for who does not see it."""
        words = [
            self.title,
            *(button.part.words for line in self.lines for button in line if button.part.role != "add"),
        ]
        return " ".join(filter(None, words))

    def walk(self) -> Iterator[Twig]:
        """This and everything under it."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True)
class Drawing:
    """A rule as it is drawn. ``node`` is the whole rule, once nothing is wrong with it; ``problem`` what is wrong with all of it."""

    text: str
    setting: Setting
    root: Twig | None = None
    node: Node | None = None
    problem: str = ""

    @property
    def sentence(self) -> str:
        """The rule in words; empty as long as it is not whole."""
        return sentence(self.node) if self.node else ""

    @property
    def problems(self) -> list[tuple[str, str]]:
        """What is wrong, as (path in the JSON, why)."""
        found = [(twig.path, twig.message) for twig in self.root.walk() if twig.message] if self.root else []
        return [*([("", self.problem)] if self.problem else []), *found]

    @property
    def asks_rows(self) -> bool:
        """Whether the rule asks what brought somebody in, so that it cannot be asked of people alone."""
        return self.root is not None and any(
            (editor := editor_of(leaf)) is not None and editor.of_rows for leaf in editing.leaves(json.loads(self.text))
        )


def address_of(place: Place) -> str:
    """A place as it is sent: ``1.0``."""
    return ".".join(map(str, place))


def place_of(address: str) -> Place:
    """A place as it was sent; raises ValueError for what is none."""
    return tuple(int(part) for part in address.split(".")) if address else ()


def decode(text: str) -> Any:
    """Rule JSON as it was sent; raises ValueError with words for people."""
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(_("This is no JSON: %(error)s") % {"error": error}) from error


def encode(rule: Any) -> str:
    """Rule JSON as people read it."""
    return json.dumps(rule, ensure_ascii=False, indent=1)


def draw(text: str, setting: Setting) -> Drawing:
    """Draw what a form field holds."""
    try:
        raw = decode(text)
    except ValueError as error:
        return Drawing(text, setting, problem=str(error))
    return draw_rule(raw, setting)


def draw_rule(raw: Any, setting: Setting) -> Drawing:
    """Draw a rule."""
    rule = editing.grouped(raw)
    try:
        root, text = _twig(rule, (), "", setting), encode(rule)
    except RecursionError:
        return Drawing("", setting, problem=_("The rule is nested too deeply to be drawn."))
    drawing = Drawing(text, setting, root)
    if drawing.problems:
        return drawing
    try:
        return replace(drawing, node=parse(rule, vocabulary=_fresh(setting)))
    except RuleError as error:
        return replace(drawing, problem=str(error))


EVERYBODY: Raw = {"all": []}
NOBODY: Raw = {"none": [EVERYBODY]}


def finished(raw: Any, setting: Setting) -> tuple[Raw, int]:
    """The rule with what cannot be used yet out of the way, every place as it was, and how many conditions that concerns.

    In a group of "all" such a condition is true of everybody, in another of nobody: either way it changes nothing.
    """
    gone = 0

    def keep(node: Any, depth: int, instead: Raw) -> Any:
        nonlocal gone
        kind = editing.kind_of(node)
        if kind and depth <= MAX_DEPTH:
            inside = editing.children_of(node)
            neutral = EVERYBODY if kind == "all" else NOBODY
            kept = [keep(child, depth + 1, neutral) for child in inside]
            return {kind: kept} if kept or kind == "all" else instead
        try:
            parse_node(node, "", _fresh(setting), depth)
        except RuleError:
            gone += 1
            return instead
        return node

    return keep(editing.grouped(raw), 1, EVERYBODY), gone


def part_at(raw: Any, name: str, setting: Setting) -> Part | None:
    """A part of a condition by its name; None where there is none that asks anything."""
    if name == TITLE:
        return Part(TITLE, "", _("What is asked about"), "field", lambda: whatever(setting))
    editor = editor_of(raw)
    lines = editor.lines(raw, setting) if editor else []
    return next((part for line in lines for part in line if part.name == name and part.ask), None)


def whatever(setting: Setting) -> Choose:
    """Asks what one wants to ask about."""
    return Choose([Choice(thing.key, thing.label, thing.hint, thing.group) for thing in things(setting)])


def element_id(setting: Setting, place: Place, part: str = "") -> str:
    """The id of a row, or of a button in it."""
    words = [setting.id, *map(str, place), *([re.sub(r"\W+", "_", part)] if part else [])]
    return "-".join(words)


def _twig(node: Any, place: Place, path: str, setting: Setting) -> Twig:
    kind = editing.kind_of(node)
    if not kind:
        return _leaf(node, place, path, setting)
    here = at(path, kind)
    inside = editing.children_of(node)
    made = Twig(element_id(setting, place), place, path, kind)
    made.children = [_twig(child, (*place, index), f"{here}[{index}]", setting) for index, child in enumerate(inside)]
    if len(place) >= MAX_DEPTH:
        made.message = _("Groups may be nested %(n)d deep, no deeper.") % {"n": MAX_DEPTH}
    elif not inside and kind != "all":
        made.message, made.open = _("Nothing is in this group yet."), True
    elif set(node) - {kind, *(["v"] if not place else [])}:
        made.message = _("A group holds rules and nothing beside them.")
    return made


def _leaf(raw: Any, place: Place, path: str, setting: Setting) -> Twig:
    editor = editor_of(raw)
    made = Twig(element_id(setting, place), place, path)
    parts: list[list[Part]] = []
    if editor:
        made.title, parts = editor.title(raw, setting), editor.lines(raw, setting)
    else:
        made.title, made.editable = json.dumps(raw, ensure_ascii=False)[:80], False
    error = _error(raw, path, setting)
    if error is None and editor and editor.of_rows and not setting.trigger:
        made.message = _("This can only be asked where something brings people in, not in a segment.")
    made.lines = [[_button(part, place, path, error, setting) for part in line] for line in parts]
    if error is not None:
        made.open = any(button.open for line in made.lines for button in line)
        made.message = _("Not finished yet.") if made.open else error.message
    return made


def _error(raw: Any, path: str, setting: Setting) -> RuleError | None:
    try:
        parse_node(raw, path, _fresh(setting), 1)
    except RuleError as error:
        return error
    return None


def _fresh(setting: Setting) -> Any:
    """The vocabulary with nothing read yet; a segment may not name itself."""
    inside = (setting.segment,) if setting.segment else ()
    return replace(setting.vocabulary, leaves=[], inside=inside)


def _button(part: Part, place: Place, path: str, error: RuleError | None, setting: Setting) -> Button:
    wrong = (
        error is not None
        and bool(part.name)
        and f"{error.path}.".startswith(tuple(f"{at(path, part.name)}{end}" for end in (".", "[")))
    )
    return Button(element_id(setting, place, part.name), replace(part, wrong=wrong) if wrong else part)
