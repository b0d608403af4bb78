"""How rules about what brought somebody in are drawn and changed in the rule builder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from personalize.content.trigger_rules import LISTS, NUMBERS, TEXTS
from segments.segmentation.builder.asks import number, numbers, plain_value, raw_words
from segments.segmentation.builder.editing import Raw, put
from segments.segmentation.builder.parts import Choice, Choose, Editor, Line, Part, Search, Setting, Thing, pick, some
from segments.segmentation.rules.happenings import noun
from segments.segmentation.rules.words import either, operator_words

_MANY = ("in", *LISTS)
_COMPARED = ("total", "lines", "years")


def _names() -> dict[str, str]:
    return {
        "total": _("Worth of the cart or order"),
        "lines": _("Products in the cart or order, how many"),
        "products": _("Products in the cart or order, which"),
        "years": _("Years since the date"),
        "event": _("What happened"),
        "about": _("What it is about"),
        "data.": _("A property of what happened"),
    }


def _things(setting: Setting) -> list[Thing]:
    return [
        Thing(f"trigger:{field}", words, _("What brought them in"), {"trigger": field, "op": _operators(field)[0]})
        for field, words in _names().items()
    ]


def _operators(field: str) -> Sequence[str]:
    if field in _COMPARED:
        return (">=", *(op for op in NUMBERS if op != ">="))
    if field == "products":
        return LISTS
    return TEXTS if field in ("event", "about") else (*TEXTS, *(op for op in NUMBERS if op not in TEXTS))


def _title(raw: Raw, setting: Setting) -> str:
    field = raw_words(raw.get("trigger"))
    return _names()["data."] if field.startswith("data.") else _names().get(field, field)


def _lines(raw: Raw, setting: Setting) -> list[Line]:
    field, op, value = raw_words(raw.get("trigger")), raw.get("op"), raw.get("value")
    line: Line = []
    if field.startswith("data."):
        line.append(Part("trigger", field.removeprefix("data."), _("Name of the property"), "operator", _property))
    line.append(pick("op", _("Comparison"), op, [(one, operator_words(one)) for one in _operators(field)]))
    if field in _COMPARED or op in ("<", "<=", ">", ">="):
        return [[*line, numbers("value", _("Value"), value, op, step="any" if field == "total" else "1")]]
    return [[*line, _value(field, op, value)]]


def _property() -> Choose:
    return Choose(free=True, read=lambda given: f"data.{given[0].removeprefix('data.')}" if given else None)


def _value(field: str, op: Any, value: Any) -> Part:
    values = value if isinstance(value, list) else [] if value in (None, "") else [value]
    about = {"cart": _("cart"), "order": _("order"), "product": _("product")} if field == "about" else {}

    def word(one: Any) -> str:
        text = raw_words(one)
        return noun(text) if field == "event" else about.get(text, text)

    words = either(map(word, values)) if values else ""
    search = {"products": Search("orders", "product"), "event": Search("event", "name")}.get(field)

    def read(given: Sequence[str]) -> Any:
        if op in _MANY:
            return some(given)
        if not given:
            return None
        return plain_value(given[0]) if field.startswith("data.") else given[0]

    def ask() -> Choose:
        chosen = [Choice(raw_words(one), word(one)) for one in values]
        choices = [Choice(*one) for one in about.items()]
        return Choose(choices, chosen, many=op in _MANY, free=not about, search=search, read=read)

    return Part("value", words, _("Value"), "value", ask)


def _changed(raw: Raw, name: str, value: Any, setting: Setting) -> Raw:
    """Another comparison keeps the value as far as it can take it."""
    made = dict(put(raw, name, value))
    old = raw.get("value")
    if name != "op" or old is None:
        return made
    if value in _MANY:
        return {**made, "value": old if isinstance(old, list) else [raw_words(old)]}
    first = (old[0] if old else None) if isinstance(old, list) else old
    fits = number(first) if value in ("<", "<=", ">", ">=") and isinstance(first, str) else first
    return dict(put(made, "value", fits))


EDITOR = Editor("trigger", _things, _title, _lines, _changed, of_rows=True, order=5)
