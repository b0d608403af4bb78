"""Parts of conditions about a figure, such as how many orders: what is counted, the comparison, and what narrows it down."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from segments.segmentation.builder.asks import ends, moments, number, numbers, plain_value, raw_words, two
from segments.segmentation.builder.editing import Raw, put, said
from segments.segmentation.builder.parts import Choice, Choose, Line, Part, Search, pick, some
from segments.segmentation.rules import figures
from segments.segmentation.rules.words import either, operator_words

TIMES = ("first", "last")
COUNTS = ("count", "distinct")
EVER, NEVER = "ever", "never"
NARROW = "[+]"
"""Ends the name of the part that brings in one more filter."""


def comparison(base: str, raw: Raw, *, counted: bool) -> Line:
    """The comparison of a figure and what it is compared with; ``counted`` is told in times, with words for 0 and 1."""
    op, value, metric = (said(raw, f"{base}.{key}") for key in ("op", "value", "metric"))
    words = [(one, _than(one, timed=metric in TIMES)) for one in figures.COMPARISONS]
    if counted:
        words = [(EVER, _("at least once")), (NEVER, _("not once")), *words]
    chosen = _shorthand(op, value) if counted else op
    line = [pick(f"{base}.op", _("Comparison"), chosen, words)]
    if chosen in (EVER, NEVER):
        return line
    label = _("Value compared with")
    if metric in TIMES:
        return [*line, moments(f"{base}.value", label, value, op)]
    step = "1" if metric in COUNTS else "any"
    return [*line, numbers(f"{base}.value", label, value, op, shown=_shown(value, counted), step=step)]


def _than(op: str, *, timed: bool) -> str:
    """A comparison to follow "were placed" or "are worth"."""
    if timed:
        return operator_words(op, dates=True).removeprefix(_("is") + " ")
    return {
        "<": _("less than"),
        "<=": _("at most"),
        ">": _("more than"),
        ">=": _("at least"),
        "=": _("exactly"),
        "!=": _("other than"),
        "between": _("between"),
    }[op]


def _shorthand(op: Any, value: Any) -> Any:
    known = isinstance(value, int) and not isinstance(value, bool) and op in figures.COMPARISONS and op != "between"
    if known and figures.is_existence(op, (value,)):
        return EVER if op in (">", ">=") else NEVER
    return op


def _shown(value: Any, counted: bool) -> str:
    if isinstance(value, list) and len(value) == 2:
        return _("%(low)s and %(high)s") % {"low": raw_words(value[0]), "high": raw_words(value[1])}
    if counted and isinstance(value, int):
        return ngettext("%(n)s time", "%(n)s times", value) % {"n": value}
    return raw_words(value)


def compared(base: str, raw: Raw, op: str) -> Raw:
    """The condition with another comparison; the value stays as far as it fits, and becomes 2 where it was not asked for."""
    if op in (EVER, NEVER):
        return dict(put(put(raw, f"{base}.op", ">=" if op == EVER else "="), f"{base}.value", 1 if op == EVER else 0))
    old = said(raw, f"{base}.value")
    if said(raw, f"{base}.metric", "count") == "count" and _shorthand(said(raw, f"{base}.op"), old) in (EVER, NEVER):
        old = 2
    low, high = ends(old)
    value = two(low, low if high is None else high) if op == "between" else low
    return dict(put(put(raw, f"{base}.op", op), f"{base}.value", value))


def measured(base: str, raw: Raw, metric: str) -> Raw:
    """The condition about another figure; a value of another kind goes."""
    old = said(raw, f"{base}.metric")
    made = put(raw, f"{base}.metric", metric)
    kinds = [0 if one == "count" else 1 if one in TIMES else 2 for one in (old, metric)]
    if kinds[0] == kinds[1]:
        return dict(made)
    start = {0: (">=", 1), 1: (">=", {"ago": [30, "days"]}), 2: (">=", None)}[kinds[1]]
    return dict(put(put(made, f"{base}.op", start[0]), f"{base}.value", start[1]))


# --- filters ------------------------------------------------------------------------------------------------------------


def filters(
    base: str,
    raw: Raw,
    *,
    fields: Sequence[tuple[str, str]],
    operators: Callable[[str], Sequence[str]],
    search: Callable[[str], Search | None],
    choices: Mapping[str, Sequence[tuple[str, str]]],
    numeric: Callable[[str, Any], bool],
    offered: Callable[[], Sequence[tuple[str, str]]] | None = None,
    free: bool = False,
) -> list[Line]:
    """One line for each filter under ``base``.

    ``fields`` are told by their words, ``offered`` are those one may choose (else the same); ``free`` takes others as well, as
    properties of events.
    """
    listed = said(raw, base)
    found = listed if isinstance(listed, list) else []
    lines = []
    for index in range(len(found)):
        name = f"{base}[{index}]"
        field, op, value = (said(raw, f"{name}.{key}") for key in ("field", "op", "value"))
        known = operators(str(field))
        line = [
            Part("", _("with")),
            _field(name, field, fields, offered or (lambda: fields), free),
            pick(f"{name}.op", _("Comparison"), op, [(one, operator_words(one)) for one in known]),
        ]
        if op not in ("is_known", "not_known"):
            if numeric(str(field), op):
                line.append(numbers(f"{name}.value", _("Value"), value, op))
            else:
                line.append(_value(name, str(field), op, value, search(str(field)), choices.get(str(field), ())))
        lines.append([*line, Part(name, _("Remove this filter"), role="drop")])
    return lines


def _field(
    name: str,
    field: Any,
    fields: Sequence[tuple[str, str]],
    offered: Callable[[], Sequence[tuple[str, str]]],
    free: bool,
) -> Part:
    words = dict(fields).get(str(field), raw_words(field).removeprefix("data."))
    chosen = Choice(str(field), words)
    return Part(f"{name}.field", words, _("What of it"), "operator", lambda: choose_field(offered(), chosen, free=free))


def choose_field(offered: Sequence[tuple[str, str]], *chosen: Choice, free: bool) -> Choose:
    """Asks for a field; where ``free``, the name of a property may be typed."""

    def read(given: Sequence[str]) -> Any:
        return as_field(given[0], offered) if given else None

    note = _("Or type the name of a property.") if free else ""
    return Choose([Choice(*one) for one in offered], chosen, free=free, note=note, read=read)


def as_field(text: str, fields: Sequence[tuple[str, str]]) -> str:
    """A field as it was chosen, or a property of events by its name."""
    return text if text in dict(fields) or text.startswith("data.") else f"data.{text}"


def _value(
    name: str, field: str, op: Any, value: Any, search: Search | None, choices: Sequence[tuple[str, str]]
) -> Part:
    many = op == "in"
    values = value if isinstance(value, list) else [] if value in (None, "") else [value]
    labels = dict(choices)
    words = either(labels.get(str(one), raw_words(one)) for one in values) if values else ""

    def read(given: Sequence[str]) -> Any:
        if many:
            return some(given)
        if not given:
            return None
        return plain_value(given[0]) if field.startswith("data.") and op != "contains" else given[0]

    def ask() -> Choose:
        chosen = [Choice(raw_words(one), labels.get(str(one), raw_words(one))) for one in values]
        listed = [Choice(*one) for one in choices]
        return Choose(listed, chosen, many=many, free=not choices, search=search, read=read)

    return Part(f"{name}.value", words, _("Value"), "value", ask)


def narrow(base: str, words: str, offered: Callable[[], Sequence[tuple[str, str]]], *, free: bool = False) -> Part:
    """The part that brings in one more filter."""
    return Part(f"{base}{NARROW}", words, words, "add", lambda: choose_field(offered(), free=free))


def narrowing(lines: list[Line], *parts: Part) -> list[Line]:
    """Lines with what narrows them down further at their end."""
    return [*lines[:-1], [*lines[-1], *parts]]


def narrowed(base: str, raw: Raw, field: str, op: str) -> Raw:
    """The condition with one more filter, whose value is still to be said."""
    listed = said(raw, base)
    return dict(put(raw, base, [*(listed if isinstance(listed, list) else []), {"field": field, "op": op}]))


def filtered(raw: Raw, name: str, value: Any, operators: Callable[[str], Sequence[str]]) -> Raw:
    """The condition after a filter's field or comparison was changed: what does not fit any more goes."""
    filter, _dot, key = name.rpartition(".")
    made = put(raw, name, value)
    if key == "field":
        known = operators(str(value))
        return dict(put(raw, filter, {"field": value, "op": "in" if "in" in known else known[0]}))
    if key != "op":
        return dict(made)
    old = said(raw, f"{filter}.value")
    if value in ("is_known", "not_known"):
        fits = None
    elif value == "in":
        fits = old if isinstance(old, list) or old is None else [raw_words(old)]
    else:
        fits = (old[0] if old else None) if isinstance(old, list) else old
    if value in ("<", "<=", ">", ">=") and isinstance(fits, str):
        fits = number(fits)
    return dict(put(made, f"{filter}.value", fits))
