"""Conditions about what is known of a person: their fields, and how far they live from a point."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.dates import MONTHS
from django.utils.translation import gettext as _

from segments.segmentation.builder.asks import ends, moments, number, numbers, raw_words, span, two
from segments.segmentation.builder.editing import Raw, put, said
from segments.segmentation.builder.parts import (
    Choice,
    Choose,
    Editor,
    Fill,
    Input,
    Line,
    Part,
    Search,
    Setting,
    Thing,
    Way,
    pick,
    some,
)
from segments.segmentation.rules.attributes import OPERATORS
from segments.segmentation.rules.nodes import AttributeRule, Field
from segments.segmentation.rules.parse import RuleError, parse_node
from segments.segmentation.rules.words import operator_words, value_words

VALUELESS = ("is_known", "not_known")
LISTS = ("in", "not_in", "contains_any", "contains_all")
DATES = ("date", "datetime")
NUMBERS = ("int", "decimal", "age")
_FIRST = {
    "code": "in",
    "enum": "in",
    "multi": "contains_any",
    "int": ">=",
    "decimal": ">=",
    "age": ">=",
    "date": "<",
    "yearly": "within_next",
}


def named(text: str) -> str:
    """Words at the beginning of a sentence."""
    return text[:1].upper() + text[1:]


def _things(setting: Setting) -> Iterable[Thing]:
    for key, field in setting.vocabulary.fields.items():
        fresh: Raw = {"attr": key, "op": _first(field)}
        if field.type == "bool":
            fresh["value"] = True
        yield Thing(f"attr:{key}", named(field.label), _("About them"), fresh)


def _first(field: Field) -> str:
    """The comparison one most likely wants."""
    return "in" if field.key == "birthday_month" else _FIRST.get(field.type, "<" if field.type == "datetime" else "is")


def _title(raw: Raw, setting: Setting) -> str:
    field = _field(raw, setting)
    return named(field.label) if field else raw_words(raw["attr"])


def _field(raw: Raw, setting: Setting) -> Field | None:
    key = raw.get("attr")
    return setting.vocabulary.fields.get(key) if isinstance(key, str) else None


def _lines(raw: Raw, setting: Setting) -> list[Line]:
    field = _field(raw, setting)
    if field is None:
        return [[]]
    op = raw.get("op")
    operators = [(one, operator_words(one, dates=field.type in DATES)) for one in OPERATORS[field.type]]
    line = [pick("op", _("Comparison"), op, operators)]
    return [line if op in VALUELESS else [*line, _value(raw, field, op, setting)]]


def _value(raw: Raw, field: Field, op: Any, setting: Setting) -> Part:
    label, value = _("Value of %(field)s") % {"field": field.label}, raw.get("value")
    if field.type == "yearly":
        return span("value", label, value, _words(raw, setting))
    if field.type in DATES:
        return moments("value", label, value, op, timed=field.type == "datetime")
    choices = _choices(field)
    if field.type in NUMBERS and not choices and op not in LISTS:
        return numbers(
            "value", label, value, op, shown=_words(raw, setting), step="1" if field.type != "decimal" else "any"
        )
    if field.key == "birthday_month" and op == "between":
        return numbers("value", label, value, op, shown=_words(raw, setting), step="1")
    values = value if isinstance(value, list) else [] if value is None else [value]
    many = op in LISTS
    typed = field.type in NUMBERS

    def read(given: Sequence[str]) -> Any:
        said = [number(one) for one in given] if typed else [_typed(one, field) for one in given]
        return some(said) if many else said[0] if said else None

    def ask() -> Choose:
        chosen = [Choice(_plain(one), _one_in_words(one, field)) for one in values]
        free = not choices
        search = None if choices or typed else Search("attr", field.key)
        note = _("Type numbers, one after the other.") if typed and free else ""
        return Choose(choices, chosen, many=many, free=free, search=search, read=read, note=note)

    return Part("value", _words(raw, setting), label, "value", ask)


def _choices(field: Field) -> list[Choice]:
    if field.type == "bool":
        return [Choice("true", _("yes")), Choice("false", _("no"))]
    if field.key == "birthday_month":
        return [Choice(str(month), str(name)) for month, name in MONTHS.items()]
    return [Choice(one, one) for one in field.choices]


def _typed(text: str, field: Field) -> Any:
    return text == "true" if field.type == "bool" else text


def _plain(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _words(raw: Raw, setting: Setting) -> str:
    """The values in words; as they stand where they are no good."""
    try:
        node = parse_node(raw, "", setting.vocabulary, 1)
    except RuleError:
        return raw_words(raw.get("value"))
    return value_words(node) if isinstance(node, AttributeRule) else ""


def _one_in_words(value: Any, field: Field) -> str:
    words = value_words(AttributeRule(field, "is", (value,)))
    return words.removeprefix("‘").removesuffix("’")


def _changed(raw: Raw, name: str, value: Any, setting: Setting) -> Raw:
    """Another comparison keeps the values as far as it can take them."""
    if name != "op":
        return dict(put(raw, name, value))
    old, kept = raw.get("value"), {"attr": raw["attr"], "op": value}
    if value in VALUELESS or old is None:
        return kept
    if value in LISTS:
        return {**kept, "value": old if isinstance(old, list) else [old]}
    if value == "between":
        low, high = ends(old)
        return {**kept, "value": two(low, low if high is None else high)}
    return {**kept, "value": old[0] if isinstance(old, list) and old else old}


ATTRIBUTE = Editor("attr", _things, _title, _lines, _changed, order=10)


def _near_lines(raw: Raw, setting: Setting) -> list[Line]:
    latitude, longitude, km = (said(raw, f"near.{key}") for key in ("latitude", "longitude", "km"))
    if None in (latitude, longitude, km):
        words = ""
    else:
        words = _("%(km)s km of %(latitude)s, %(longitude)s") % {"km": km, "latitude": latitude, "longitude": longitude}

    def ask() -> Fill:
        inputs = [
            Input("km", _("Kilometres"), value="" if km is None else km, least="0"),
            Input("latitude", _("Latitude, such as 51.45"), value="" if latitude is None else latitude),
            Input("longitude", _("Longitude, such as -2.59"), value="" if longitude is None else longitude),
        ]
        return Fill(
            [Way("near", _("Point"), inputs, lambda given: {key: number(given[key]) for key in given if given[key]})]
        )

    return [[Part("", _("is within")), Part("near", words, _("Distance and point"), "value", ask)]]


NEAR = Editor(
    "near",
    lambda setting: [
        Thing("near", _("Where they live"), _("About them"), {"near": {}}, _("within so many kilometres"))
    ],
    lambda raw, setting: _("Where they live"),
    _near_lines,
    order=11,
)
