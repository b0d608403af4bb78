"""The questions many conditions have in common: numbers, moments and spans of time, each with its words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from django.utils.translation import gettext as _

from personalize.core.registries import mail_groups
from segments.segmentation.builder.parts import Fill, Input, Part, Setting, Way
from segments.segmentation.rules import anchors, windows, words
from segments.segmentation.rules.moments import parse_moment
from segments.segmentation.rules.reading import RuleError

UNSAID: tuple[Any, ...] = (None, "", [])
MOST_CAMPAIGNS = 50
"""So many campaigns are offered as beginnings of a span of time."""


def number(text: str) -> Any:
    """What was typed as a number; what is none stays as it is, for the rule to say what is wrong. None for nothing."""
    text = text.strip()
    if not text:
        return None
    with suppress(ValueError):
        return int(text)
    with suppress(ValueError):
        return float(text)
    return text


def plain_value(text: str) -> Any:
    """What was typed for a property of any type: true, false and numbers as such, all else as text."""
    if text in ("true", "false"):
        return text == "true"
    found = number(text)
    return found if str(found) == text else text


def raw_words(value: Any) -> str:
    """A value as the rule has it, where nobody knows better words."""
    if value in UNSAID:
        return ""
    if isinstance(value, list):
        return ", ".join(map(raw_words, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def ends(value: Any) -> tuple[Any, Any]:
    """Both ends of a "between", as far as they are said."""
    low, high = [*value, None, None][:2] if isinstance(value, list) else (value, None)
    return low, high


def two(low: Any, high: Any) -> Any:
    """Both ends of a "between" for the rule; None while neither is said."""
    return None if low is None and high is None else [low, high]


# --- numbers ------------------------------------------------------------------------------------------------------------


def numbers(name: str, label: str, value: Any, op: Any, *, shown: str = "", step: str = "any") -> Part:
    """A part that asks for a number, or for two of them where ``op`` is "between"."""
    return Part(name, shown or raw_words(value), label, "value", lambda: _numbers(label, value, op, step))


def _numbers(label: str, value: Any, op: Any, step: str) -> Fill:
    if op == "between":
        low, high = ends(value)
        inputs = [
            Input("low", _("From"), value=_shown(low), step=step),
            Input("high", _("To"), value=_shown(high), step=step),
        ]
        return Fill([Way("between", label, inputs, lambda given: two(number(given["low"]), number(given["high"])))])
    one = Input("number", label, value=_shown(value), step=step)
    return Fill([Way("number", label, [one], lambda given: number(given["number"]))])


def _shown(value: Any) -> Any:
    return value if isinstance(value, int | float | str) and not isinstance(value, bool) else ""


# --- moments ------------------------------------------------------------------------------------------------------------


def relative_units() -> list[tuple[str, str]]:
    """Units of time before and after the instant asked about."""
    before = [(f"ago {unit}", _("%(unit)s ago") % {"unit": name}) for unit, name in units() if unit in _DAYS]
    return [
        *before,
        *((f"in {unit}", _("%(unit)s from then") % {"unit": name}) for unit, name in units() if unit in _DAYS),
    ]


_DAYS = ("days", "weeks", "months")


def units() -> list[tuple[str, str]]:
    """The units of spans of time."""
    return [
        ("minutes", _("minutes")),
        ("hours", _("hours")),
        ("days", _("days")),
        ("weeks", _("weeks")),
        ("months", _("months")),
    ]


def moments(name: str, label: str, value: Any, op: Any, *, timed: bool = False) -> Part:
    """A part that asks for a date, absolute or relative to the instant asked about, or for two where ``op`` is "between".

    ``timed`` asks for the time of day as well.
    """
    said = ends(value) if op == "between" else (value,)
    shown = words.both(_moment_words(one) for one in said) if all(one not in UNSAID for one in said) else ""
    return Part(name, shown, label, "value", lambda: _moments(label, said, timed))


def _moment_words(value: Any) -> str:
    try:
        return words.moment_words(parse_moment(value, ""))
    except RuleError:
        return raw_words(value)


def _moments(label: str, said: Sequence[Any], timed: bool) -> Fill:
    both = len(said) == 2
    labels = (_("From"), _("To")) if both else (label,)
    relative = any(isinstance(value, dict) for value in said)
    dates, spans = [], []
    for place, (value, called) in enumerate(zip(said, labels, strict=True)):
        date = value if isinstance(value, str) else ""
        dates.append(Input(f"date{place}", called, "datetime-local" if timed else "date", date if timed else date[:10]))
        way, (count, unit) = _relative(value)
        spans.append(Input(f"count{place}", called, value=count, step="1", least="0"))
        spans.append(Input(f"unit{place}", _("Unit"), "select", f"{way} {unit}", relative_units()))

    def on(given: Mapping[str, str]) -> Any:
        values = [given[f"date{place}"] or None for place in range(len(said))]
        return two(*values) if both else values[0]

    def off(given: Mapping[str, str]) -> Any:
        values = [_offset(given[f"count{place}"], given[f"unit{place}"]) for place in range(len(said))]
        return two(*values) if both else values[0]

    ways = [
        Way("on", _("On the calendar"), dates, on),
        Way("off", _("Counted from the day it is asked"), spans, off),
    ]
    return Fill(ways, "off" if relative else "on")


def _relative(value: Any) -> tuple[str, tuple[Any, str]]:
    for way in ("ago", "in"):
        if isinstance(value, dict) and isinstance(value.get(way), list) and len(value[way]) == 2:
            return way, (value[way][0], str(value[way][1]))
    return "ago", ("", "days")


def _offset(count: str, unit: str) -> Any:
    way, _space, named = unit.partition(" ")
    value = number(count)
    return None if value is None else {way: [value, named]}


def span(name: str, label: str, value: Any, shown: str) -> Part:
    """A part that asks for so many days, weeks or months."""
    count, unit = _pair(value)
    inputs = [
        Input("count", _("How many"), value=count or 7, step="1", least="0"),
        Input("unit", _("Unit"), "select", unit or "days", [one for one in units() if one[0] in _DAYS]),
    ]
    way = Way("span", label, inputs, lambda given: [number(given["count"]), given["unit"]])
    return Part(name, shown, label, "value", lambda: Fill([way]))


# --- spans of time ------------------------------------------------------------------------------------------------------


def window(name: str, raw: Any, setting: Setting) -> Part:
    """A part that asks for the span of time that is looked at; all time where nothing is said."""
    return Part(name, window_words(raw, setting), _("Span of time"), "value", lambda: _window(raw, setting))


def window_words(raw: Any, setting: Setting) -> str:
    """A span of time in words, wrong ones as they stand."""
    if raw is None:
        return _("at any time")
    try:
        return words.window_words(windows.parse_window(raw, "", setting.vocabulary))
    except RuleError:
        return raw_words(raw)


def _window(raw: Any, setting: Setting) -> Fill:
    said = raw if isinstance(raw, dict) else {}
    last, calendar, between = (_pair(said.get(key)) for key in ("last", "calendar", "between"))
    chosen = next((key for key in windows.KINDS if key in said), "ever")
    ways = [
        Way("ever", _("At any time")),
        Way(
            "last",
            _("In the last"),
            [
                Input("count", _("How many"), value=last[0] or 30, step="1", least="1"),
                Input("unit", _("Unit"), "select", last[1] or "days", units()),
            ],
            lambda given: {"last": [number(given["count"]), given["unit"]]},
        ),
        Way(
            "calendar",
            _("In a whole day, week, month or year"),
            [
                Input(
                    "period",
                    _("Which"),
                    "select",
                    f"{calendar[0] or 'month'} {calendar[1] or 0}",
                    _periods(calendar, setting),
                ),
                Input("zone", _("By the clock of"), "select", said.get("zone", "shop"), _clocks()),
            ],
            _calendar,
        ),
        Way(
            "between",
            _("Between two dates"),
            [
                Input("start", _("From"), "date", _date(between[0])),
                Input("end", _("Until before"), "date", _date(between[1])),
            ],
            lambda given: {"between": [given["start"], given["end"]]},
        ),
        Way(
            "after",
            _("Since a date"),
            [Input("after", _("Since"), "date", _date(said.get("after")))],
            lambda given: {"after": given["after"]},
        ),
        Way(
            "before",
            _("Before a date"),
            [Input("before", _("Before"), "date", _date(said.get("before")))],
            lambda given: {"before": given["before"]},
        ),
    ]
    offered = _anchors(setting, said.get("since"), said.get("not_since"))
    for key, label in (("since", _("Since a day of their own")), ("not_since", _("Before a day of their own"))):
        if offered:
            ways.append(
                Way(
                    key,
                    label,
                    [Input(f"{key}-anchor", _("Which"), "select", json.dumps(said.get(key)), offered)],
                    lambda given, key=key: {key: json.loads(given[f"{key}-anchor"])},  # type: ignore[misc]
                )
            )
    return Fill(ways, chosen)


def _pair(raw: Any) -> tuple[Any, Any]:
    return (raw[0], raw[1]) if isinstance(raw, list) and len(raw) == 2 else (None, None)


def _date(raw: Any) -> str:
    return raw[:10] if isinstance(raw, str) else ""


def _clocks() -> list[tuple[str, str]]:
    return [("shop", _("the shop")), ("person", _("the person"))]


def _periods(said: tuple[Any, Any], setting: Setting) -> list[tuple[str, str]]:
    named = [
        ("day 0", _("today")),
        ("day -1", _("yesterday")),
        ("week 0", _("this week")),
        ("week -1", _("last week")),
        ("month 0", _("this month")),
        ("month -1", _("last month")),
        ("year 0", _("this year")),
        ("year -1", _("last year")),
    ]
    own = f"{said[0]} {said[1]}"
    if said[0] and own not in dict(named):
        named.append((own, window_words({"calendar": list(said)}, setting)))
    return named


def _calendar(given: Mapping[str, str]) -> Any:
    unit, _space, offset = given["period"].partition(" ")
    found: dict[str, Any] = {"calendar": [unit, number(offset)]}
    return {**found, "zone": "person"} if given.get("zone") == "person" else found


def _anchors(setting: Setting, *said: Any) -> list[tuple[str, str]]:
    """The days of their own that a window can be measured from, as (JSON, words); ``said`` ones among them."""
    vocabulary = setting.vocabulary
    dates = [key for key, field in vocabulary.fields.items() if field.type in ("date", "datetime")]
    asked: list[Any] = ["last_order", "last_message", *(["enrolment"] if setting.trigger else [])]
    asked += [{"topic": key} for key in vocabulary.topics] + [{"attr": key} for key in dates]
    campaigns = mail_groups.get("campaigns")
    asked += [{"campaign": str(uuid)} for uuid, _name in campaigns.named()[:MOST_CAMPAIGNS]] if campaigns else []
    found: dict[str, str] = {}
    for raw in (*asked, *(one for one in said if one is not None)):
        with suppress(RuleError):  # Not every app that brings anchors need be there.
            found[json.dumps(raw)] = anchors.words(anchors.parse_anchor(raw, "", vocabulary))
    return list(found.items())
