"""Spans of time: ``{"last": [90, "days"]}``, ``{"between": [d1, d2]}``, ``{"before": d}``, ``{"after": d}``; all half-open."""

from __future__ import annotations

import calendar
import datetime as dt
from typing import Any, cast

from django.utils.translation import gettext as _

from segments.segmentation.rules import reading
from segments.segmentation.rules.nodes import Unit, Window
from segments.segmentation.rules.reading import RuleError, at

UNITS = ("minutes", "hours", "days", "weeks", "months")
MAX_COUNT = 100_000


def parse_window(raw: Any, path: str) -> Window:
    """Read a window; ``after`` takes its date in, ``before`` and the second of ``between`` leave theirs out."""
    reading.table(raw, path, optional=["last", "between", "before", "after"])
    if len(raw) != 1:
        raise RuleError(path, _("Expected exactly one of: last, between, before, after."))
    ((kind, value),) = raw.items()
    here = at(path, kind)
    if kind == "last":
        count, unit = reading.sequence(value, here, least=2, most=2)
        whole = reading.whole(count, f"{here}[0]", least=1, most=MAX_COUNT)
        return Window(last=(whole, cast(Unit, reading.choice(unit, f"{here}[1]", UNITS))))
    if kind == "between":
        first, second = reading.sequence(value, here, least=2, most=2)
        start, end = reading.moment(first, f"{here}[0]"), reading.moment(second, f"{here}[1]")
        if start >= end:
            raise RuleError(here, _("The first date is not before the second."))
        return Window(start=start, end=end)
    if kind == "before":
        return Window(end=reading.moment(value, here))
    return Window(start=reading.moment(value, here))


def bounds(window: Window, as_of: dt.datetime) -> tuple[dt.datetime | None, dt.datetime]:
    """Start (taken in) and end (left out); nothing from ``as_of`` on is ever seen."""
    if window.last:
        return back(as_of, *window.last), as_of
    return window.start, min(window.end, as_of) if window.end else as_of


def back(moment: dt.datetime, count: int, unit: Unit) -> dt.datetime:
    """``moment`` minus so many units; a month back from the 31st is the last day of a shorter month."""
    if unit != "months":
        try:
            return moment - dt.timedelta(**{unit: count})
        except OverflowError:
            return dt.datetime.min.replace(tzinfo=dt.UTC)
    year, month = divmod(moment.year * 12 + moment.month - 1 - count, 12)
    if year < 1:
        return dt.datetime.min.replace(tzinfo=dt.UTC)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, calendar.monthrange(year, month + 1)[1]))
