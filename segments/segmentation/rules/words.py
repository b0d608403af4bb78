"""Comparisons, values and spans of time in words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from babel import Locale
from django.utils.formats import date_format, number_format
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from segments.segmentation.rules import anchors
from segments.segmentation.rules.nodes import AttributeRule, Field, Offset, Scalar, Window
from segments.segmentation.rules.reading import MONEY


def field_words(field: Field) -> str:
    """What a field is called within a sentence: names such as VIP keep their capitals."""
    return field.label if field.label[1:2].isupper() else field.label[:1].lower() + field.label[1:]


_OF_ONE = {"in": "is", "not_in": "is_not"}


def operator_words(op: str, *, dates: bool = False, single: bool = False) -> str:
    """A comparison in words, fit to stand between what is compared and the value; of ``dates`` in words of time.

    ``single`` says that a list, if one is compared with, has one value only.
    """
    if single:
        op = _OF_ONE.get(op, op)
    if dates and op in ("<", "<=", ">", ">="):
        return {
            "<": _("is before"),
            "<=": _("is not after"),
            ">": _("is after"),
            ">=": _("is not before"),
        }[op]
    return {
        "is": _("is"),
        "is_not": _("is known and is not"),
        "in": _("is one of"),
        "not_in": _("is known and is none of"),
        "contains": _("contains"),
        "starts_with": _("starts with"),
        "is_known": _("is known"),
        "not_known": _("is not known"),
        "<": _("is less than"),
        "<=": _("is at most"),
        ">": _("is more than"),
        ">=": _("is at least"),
        "=": _("is exactly"),
        "!=": _("is not"),
        "between": _("is between"),
        "within_next": _("is"),
        "contains_any": _("includes") if single else _("includes any of"),
        "contains_all": _("includes") if single else _("includes all of"),
    }[op]


def either(words: Iterable[str]) -> str:
    """Words joined by "or"."""
    *rest, last = words
    return _("%(some)s or %(last)s") % {"some": ", ".join(rest), "last": last} if rest else last


def both(words: Iterable[str]) -> str:
    """Words joined by "and"."""
    *rest, last = words
    return _("%(some)s and %(last)s") % {"some": ", ".join(rest), "last": last} if rest else last


def value_words(rule: AttributeRule) -> str:
    """The values of an attribute rule: names for codes, dates spelled out."""
    if not rule.values:
        return ""
    words = [
        _relative(value, rule.field.type) if isinstance(value, Offset) else _scalar(value, rule.field.key)
        for value in rule.values
    ]
    return both(words) if rule.op in ("between", "contains_all") else either(words)


def _relative(value: Offset, type: str) -> str:
    """A distance from today, from now or, of what comes every year, from today on."""
    if type == "yearly":
        return (
            _("today")
            if value == Offset(1, "days")
            else _("within %(span)s from today on") % {"span": span_words(value)}
        )
    if type == "datetime":
        return moment_words(value)
    if not value.count:
        return _("today")
    words = _("%(span)s ago") if value.count < 0 else _("%(span)s from today")
    return words % {"span": span_words(value)}


def _scalar(value: Scalar, key: str) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, dt.datetime | dt.date):
        return date_words(value)
    locale = Locale.parse((get_language() or "en").split("-")[0])
    if key == "country":
        return str(locale.territories.get(str(value), value))
    if key == "language":
        return str(locale.languages.get(str(value), value))
    if key == "birthday_month" and isinstance(value, int) and 1 <= value <= 12:
        return str(locale.months["stand-alone"]["wide"][value])
    return number_format(value, force_grouping=True) if isinstance(value, int | float) else f"‘{value}’"


def date_words(value: dt.date) -> str:
    """A date spelled out; the time of day only where it says something."""
    if isinstance(value, dt.datetime) and (value.hour or value.minute or value.second):
        return date_format(value, "j F Y, H:i") + " UTC"
    return date_format(value, "j F Y")


def moment_words(value: dt.datetime | Offset) -> str:
    """An instant, absolute or relative to the one asked about."""
    if not isinstance(value, Offset):
        return date_words(value)
    if not value.count:
        return _("now")
    words = _("%(span)s ago") if value.count < 0 else _("%(span)s from now")
    return words % {"span": span_words(value)}


def span_words(value: Offset) -> str:
    """How far it is, whichever way."""
    count = abs(value.count)
    units = {
        "minutes": ngettext("%(n)d minute", "%(n)d minutes", count),
        "hours": ngettext("%(n)d hour", "%(n)d hours", count),
        "days": ngettext("%(n)d day", "%(n)d days", count),
        "weeks": ngettext("%(n)d week", "%(n)d weeks", count),
        "months": ngettext("%(n)d month", "%(n)d months", count),
    }
    return units[value.unit] % {"n": count}


def money_words(amount: int) -> str:
    """An amount in main units; decimals only where there are some."""
    return number_format(amount // MONEY if amount % MONEY == 0 else round(amount / MONEY, 4), force_grouping=True)


def window_words(window: Window) -> str:
    """A span of time in words; empty when it is all time."""
    if window.last:
        count, unit = window.last
        spans = {
            "minutes": ngettext("in the last minute", "in the last %(n)d minutes", count),
            "hours": ngettext("in the last hour", "in the last %(n)d hours", count),
            "days": ngettext("in the last day", "in the last %(n)d days", count),
            "weeks": ngettext("in the last week", "in the last %(n)d weeks", count),
            "months": ngettext("in the last month", "in the last %(n)d months", count),
        }
        return spans[unit] % {"n": count}
    if window.calendar:
        return _calendar_words(*window.calendar)
    if window.since:
        return _("since %(start)s") % {"start": anchors.words(window.since)}
    if window.until:
        return _("before %(end)s") % {"end": anchors.words(window.until)}
    if window.start and window.end:
        words = _("from %(start)s until before %(end)s")
        return words % {"start": date_words(window.start), "end": date_words(window.end)}
    if window.end:
        return _("before %(end)s") % {"end": date_words(window.end)}
    return _("since %(start)s") % {"start": date_words(window.start)} if window.start else ""


def _calendar_words(unit: str, offset: int) -> str:
    names = {
        "day": (_("today"), _("yesterday"), _("%(n)d days ago")),
        "week": (_("this week"), _("last week"), _("in the week %(n)d weeks ago")),
        "month": (_("this month"), _("last month"), _("in the month %(n)d months ago")),
        "year": (_("this year"), _("last year"), _("in the year %(n)d years ago")),
    }
    return names[unit][min(-offset, 2)] % {"n": -offset}
