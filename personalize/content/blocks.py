"""The kinds of block a mail is built from, and how the stored JSON becomes blocks or located problems."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from personalize.content.subjects import LIMIT
from personalize.content.types import Problem

MOST_BLOCKS = 60
LONGEST_TEXT = 20_000
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


class Kind(StrEnum):
    """What may stand in a field of a block."""

    LINE = "line"  # One line; merge fields allowed.
    RICH = "rich"  # Text with **bold**, *italic*, [links](https://…) and merge fields.
    LINK = "link"  # An address people are led to.
    PICTURE = "picture"  # An address of a picture.
    CHOICE = "choice"
    NUMBER = "number"
    FLAG = "flag"


@dataclass(frozen=True)
class BlockField:
    """A field of a block as the editor shows it; numbers lie from ``low`` to ``high``."""

    key: str
    label: Any
    kind: Kind
    default: Any = ""
    required: bool = False
    choices: tuple[str, ...] = ()
    low: int = 0
    high: int = 0


@dataclass(frozen=True)
class BlockType:
    """A kind of block: its name in JSON, its label in the editor, its icon and its fields."""

    key: str
    label: Any
    icon: str
    fields: tuple[BlockField, ...]


@dataclass(frozen=True)
class Block:
    """A block whose values have been checked; ``show_when`` is rule JSON, or None when everybody sees it."""

    id: str
    type: BlockType
    values: dict[str, Any] = field(default_factory=dict)
    show_when: dict[str, Any] | None = None

    def __getitem__(self, key: str) -> Any:
        return self.values[key]


_TONE = BlockField("tone", gettext_lazy("Ground"), Kind.CHOICE, "paper", choices=("paper", "dusk", "sand", "linen"))
_ALIGN = BlockField("align", gettext_lazy("Alignment"), Kind.CHOICE, "left", choices=("left", "center"))

_HEADING = BlockType(
    "heading",
    gettext_lazy("Heading"),
    "title",
    (
        BlockField("text", gettext_lazy("Text"), Kind.LINE, required=True),
        BlockField("level", gettext_lazy("Size"), Kind.NUMBER, 1, low=1, high=3),
        _ALIGN,
        _TONE,
    ),
)
_TEXT = BlockType(
    "text",
    gettext_lazy("Text"),
    "notes",
    (BlockField("text", gettext_lazy("Text"), Kind.RICH, required=True), _ALIGN, _TONE),
)
_BUTTON = BlockType(
    "button",
    gettext_lazy("Button"),
    "smart_button",
    (
        BlockField("label", gettext_lazy("Label"), Kind.LINE, required=True),
        BlockField("url", gettext_lazy("Leads to"), Kind.LINK, required=True),
        BlockField("colour", gettext_lazy("Colour"), Kind.CHOICE, "ink", choices=("ink", "clay", "honey")),
        _ALIGN,
        _TONE,
    ),
)
_IMAGE = BlockType(
    "image",
    gettext_lazy("Picture"),
    "image",
    (
        BlockField("src", gettext_lazy("Picture"), Kind.PICTURE, required=True),
        BlockField("alt", gettext_lazy("In words, for people who do not see it"), Kind.LINE, required=True),
        BlockField("url", gettext_lazy("Leads to"), Kind.LINK),
        BlockField("width", gettext_lazy("Width in pixels"), Kind.NUMBER, 600, low=40, high=600),
        _TONE,
    ),
)
_PRODUCTS = BlockType(
    "products",
    gettext_lazy("Products"),
    "storefront",
    (
        BlockField("heading", gettext_lazy("Heading"), Kind.LINE),
        BlockField("note", gettext_lazy("Note under the heading"), Kind.LINE),
        BlockField(
            "recipe", gettext_lazy("Chosen by"), Kind.CHOICE, "bought_together", choices=("bought_together", "popular")
        ),
        BlockField("limit", gettext_lazy("At most"), Kind.NUMBER, 4, low=1, high=12),
        BlockField("fallback", gettext_lazy("Otherwise"), Kind.CHOICE, "popular", choices=("popular", "none")),
        BlockField("fallback_text", gettext_lazy("Shown when there is nothing to show"), Kind.RICH),
        BlockField("in_stock", gettext_lazy("Only what is in stock"), Kind.FLAG, True),
        BlockField("not_bought", gettext_lazy("Only what they have not bought"), Kind.FLAG, True),
        BlockField("category", gettext_lazy("Only from this category"), Kind.LINE),
        BlockField("label", gettext_lazy("Words of the link"), Kind.LINE, "Have a look"),
    ),
)
_DIVIDER = BlockType("divider", gettext_lazy("Divider"), "horizontal_rule", ())
_LINES = (
    BlockField("heading", gettext_lazy("Heading"), Kind.LINE),
    BlockField("limit", gettext_lazy("At most"), Kind.NUMBER, LIMIT, low=1, high=12),
    BlockField("quantity", gettext_lazy("Before the quantity"), Kind.LINE, "Qty"),
    BlockField("more", gettext_lazy("When there are {n} more"), Kind.LINE, "and {n} more"),
    BlockField("total", gettext_lazy("Before the total; empty leaves it out"), Kind.LINE, "Total"),
)
_EMPTY = BlockField("empty", gettext_lazy("Shown when there is nothing to show"), Kind.RICH)
_CART = BlockType(
    "cart",
    gettext_lazy("Their cart"),
    "shopping_cart",
    (
        *_LINES,
        BlockField("left", gettext_lazy("When only {n} are left"), Kind.LINE, "Only {n} left"),
        BlockField("was", gettext_lazy("When it cost {price} before"), Kind.LINE, "Was {price}"),
        BlockField("label", gettext_lazy("Words of the button; empty leaves it out"), Kind.LINE, "Finish your order"),
        BlockField("note", gettext_lazy("Note under the button"), Kind.RICH),
        _EMPTY,
    ),
)
_ORDER = BlockType("order", gettext_lazy("Their order"), "receipt_long", (*_LINES, _EMPTY))
_VIEWED = BlockType(
    "viewed",
    gettext_lazy("What they looked at"),
    "visibility",
    (
        BlockField("heading", gettext_lazy("Heading"), Kind.LINE),
        BlockField("left", gettext_lazy("When only {n} are left"), Kind.LINE, "Only {n} left"),
        BlockField("label", gettext_lazy("Words of the button"), Kind.LINE, "Have another look"),
        _EMPTY,
    ),
)
_BOXED = BlockType(
    "boxed",
    gettext_lazy("Box"),
    "crop_din",
    (
        BlockField("heading", gettext_lazy("Heading"), Kind.LINE, required=True),
        BlockField("text", gettext_lazy("Text"), Kind.RICH),
        BlockField("code", gettext_lazy("Code to use at the till"), Kind.LINE),
    ),
)
_FACTS = BlockType(
    "facts",
    gettext_lazy("Three facts"),
    "view_column",
    tuple(
        BlockField(f"{part}{number}", label, Kind.LINE, required=True)
        for number in (1, 2, 3)
        for part, label in (("fact", gettext_lazy("Fact")), ("about", gettext_lazy("What about it")))
    ),
)
_FOOTER = BlockType(
    "footer",
    gettext_lazy("Footer"),
    "call_to_action",
    (
        BlockField(
            "reason",
            gettext_lazy("Why they get this"),
            Kind.LINE,
            'You get this because you follow {{ topic.name | default("our news") }}.',
            required=True,
        ),
        BlockField("view", gettext_lazy("Words of the browser link"), Kind.LINE, "View in browser"),
        BlockField("preferences", gettext_lazy("Words of the preferences link"), Kind.LINE, "Choose what you get"),
        BlockField("unsubscribe", gettext_lazy("Words of the unsubscribe link"), Kind.LINE, "Unsubscribe"),
    ),
)
TYPES: dict[str, BlockType] = {
    kind.key: kind
    for kind in (
        *(_HEADING, _TEXT, _BUTTON, _IMAGE, _PRODUCTS, _CART, _ORDER, _VIEWED),
        *(_BOXED, _FACTS, _DIVIDER, _FOOTER),
    )
}
"""By the name they have in JSON; a further kind is one entry here, one macro in the layout and one in plaintext."""


def read(raw: object) -> tuple[list[Block], list[Problem]]:
    """The blocks in stored JSON, and what is wrong with them; a block with a problem is left out."""
    if not isinstance(raw, list):
        return [], [Problem("", "blocks", _("The blocks of a mail are a list."))]
    if len(raw) > MOST_BLOCKS:
        return [], [Problem("", "blocks", _("A mail has at most %d blocks.") % MOST_BLOCKS)]
    blocks: list[Block] = []
    problems: list[Problem] = []
    seen: set[str] = set()
    for position, item in enumerate(raw, start=1):
        block, found = _read_one(item, position, seen)
        problems += found
        if block is not None and not found:
            blocks.append(block)
    return blocks, problems


def _read_one(item: object, position: int, seen: set[str]) -> tuple[Block | None, list[Problem]]:
    if not isinstance(item, dict):
        return None, [Problem("", "blocks", _("Block %d is not an object.") % position)]
    id = str(item.get("id", ""))
    if not _ID.fullmatch(id):
        return None, [
            Problem(id[:40], "id", _("Block %d needs an id of small letters, digits and hyphens.") % position)
        ]
    if id in seen:
        return None, [Problem(id, "id", _("Two blocks are called “%s”.") % id)]
    seen.add(id)
    kind = TYPES.get(str(item.get("type", "")))
    if kind is None:
        return None, [Problem(id, "type", _("There is no block of type “%s”.") % str(item.get("type", ""))[:40])]
    known = {one.key for one in kind.fields} | {"id", "type", "show_when"}
    problems = [Problem(id, key, _("This kind of block has no such field.")) for key in item if key not in known]
    show_when = item.get("show_when")
    if show_when is not None and not isinstance(show_when, dict):
        problems.append(Problem(id, "show_when", _("A rule is an object.")))
    values: dict[str, Any] = {}
    for one in kind.fields:
        value = item.get(one.key, one.default)
        problems += [Problem(id, one.key, message) for message in _faults(one, value)]
        values[one.key] = value
    return Block(id, kind, values, show_when or None), problems


def _faults(one: BlockField, value: Any) -> Iterator[str]:
    if one.kind is Kind.NUMBER:
        if isinstance(value, bool) or not isinstance(value, int) or not one.low <= value <= one.high:
            yield _("This is a whole number from %(low)d to %(high)d.") % {"low": one.low, "high": one.high}
    elif one.kind is Kind.FLAG:
        if not isinstance(value, bool):
            yield _("This is true or false.")
    elif not isinstance(value, str):
        yield _("This is a text.")
    elif one.required and not value.strip():
        yield _("This cannot be empty.")
    elif len(value) > LONGEST_TEXT:
        yield _("This is longer than %d characters.") % LONGEST_TEXT
    elif one.kind is Kind.CHOICE and value not in one.choices:
        yield _("This is one of: %s.") % ", ".join(one.choices)
