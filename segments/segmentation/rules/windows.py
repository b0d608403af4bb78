"""Spans of time: read from JSON, and cut out of rows. All are half-open, and nothing from the instant asked about on is seen.

``{"last": [90, "days"]}``, ``{"calendar": ["month", -1]}`` (with ``"zone": "person"`` by each person's own clock),
``{"between": [d1, d2]}``, ``{"before": d}``, ``{"after": d}``, ``{"since": anchor}`` and ``{"not_since": anchor}``.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeAlias, cast

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from personalize.core import localtime
from segments.segmentation.rules import anchors, reading
from segments.segmentation.rules.kinds import Scope
from segments.segmentation.rules.local import by_zone
from segments.segmentation.rules.nodes import CalendarUnit, Unit, Window
from segments.segmentation.rules.reading import RuleError, at
from segments.segmentation.rules.vocabulary import Vocabulary

UNITS: tuple[Unit, ...] = ("minutes", "hours", "days", "weeks", "months")
CALENDAR: tuple[CalendarUnit, ...] = ("day", "week", "month", "year")
KINDS = ("last", "calendar", "between", "before", "after", "since", "not_since")
MAX_COUNT = 100_000
MAX_OFFSET = 1_000
_EARLIEST = dt.datetime.min.replace(tzinfo=dt.UTC)
_LATEST = dt.datetime.max.replace(tzinfo=dt.UTC)

Edge: TypeAlias = dt.datetime | anchors.Instant


def parse_window(raw: Any, path: str, vocabulary: Vocabulary) -> Window:
    """Read a window; ``after`` takes its date in, ``before`` and the second of ``between`` leave theirs out."""
    reading.table(raw, path, optional=[*KINDS, "zone"])
    named = [kind for kind in KINDS if kind in raw]
    if len(named) != 1:
        raise RuleError(path, _("Expected exactly one of: %(kinds)s.") % {"kinds": ", ".join(KINDS)})
    kind = named[0]
    value, here = raw[kind], at(path, kind)
    if "zone" in raw and kind != "calendar":
        raise RuleError(at(path, "zone"), _("Only a calendar window has a zone."))
    match kind:
        case "last":
            return Window(last=span(value, here))
        case "calendar":
            own = reading.choice(raw.get("zone", "shop"), at(path, "zone"), ("shop", "person")) == "person"
            return Window(calendar=_calendar(value, here), own=own, zone=vocabulary.zone())
        case "between":
            first, second = reading.sequence(value, here, least=2, most=2)
            start, end = reading.moment(first, f"{here}[0]"), reading.moment(second, f"{here}[1]")
            if start >= end:
                raise RuleError(here, _("The first date is not before the second."))
            return Window(start=start, end=end)
        case "before":
            return Window(end=reading.moment(value, here))
        case "after":
            return Window(start=reading.moment(value, here))
        case "since":
            return Window(since=anchors.parse_anchor(value, here, vocabulary))
    return Window(until=anchors.parse_anchor(value, here, vocabulary))


def span(raw: Any, path: str, *, least: int = 1) -> tuple[int, Unit]:
    """A length of time such as ``[90, "days"]``."""
    count, unit = reading.sequence(raw, path, least=2, most=2)
    whole = reading.whole(count, f"{path}[0]", least=least, most=MAX_COUNT)
    return whole, cast(Unit, reading.choice(unit, f"{path}[1]", UNITS))


def _calendar(raw: Any, path: str) -> tuple[CalendarUnit, int]:
    unit, offset = reading.sequence(raw, path, least=2, most=2)
    named = cast(CalendarUnit, reading.choice(unit, f"{path}[0]", CALENDAR))
    return named, reading.whole(offset, f"{path}[1]", least=-MAX_OFFSET, most=0)


def within(rows: QuerySet[Any, Any], column: str, window: Window, scope: Scope) -> QuerySet[Any, Any]:
    """Those of ``rows``, which lead to their person by ``subscriber``, whose ``column`` lies in the window."""
    start, end = edges(window, replace(scope, person="subscriber"), scope)
    span = Q(**{f"{column}__lt": scope.as_of})
    if window.calendar and window.own:
        # Follows from the rest, but is the same for everybody, so that an index finds it.
        starts, ends = zip(*own_spans(*window.calendar, scope.as_of).values(), strict=True)
        span &= Q(**{f"{column}__gte": min(starts), f"{column}__lt": max(ends)})
    if end is not None and end != scope.as_of:
        span &= Q(**{f"{column}__lt": end})
    return rows.filter(span if start is None else span & Q(**{f"{column}__gte": start}))


def known(window: Window, scope: Scope) -> Q:
    """Whether the window has a beginning and an end for the person asked about: an anchor may be missing."""
    anchor = window.since or window.until
    return anchors.known(anchor, scope) if anchor else Q()


def edges(window: Window, rows: Scope, asked: Scope) -> tuple[Edge | None, Edge | None]:
    """Start (taken in) and end (left out), seen from rows about a person; ``asked`` is the scope of the rule itself."""
    if window.since:
        return anchors.instant(window.since, rows, asked), None
    if window.until:
        return None, anchors.instant(window.until, rows, asked)
    if window.calendar and window.own:
        spans = own_spans(*window.calendar, rows.as_of)
        otherwise = calendar_span(*window.calendar, rows.as_of, window.zone)
        return tuple(  # type: ignore[return-value]  # Two of them.
            by_zone(rows, {key: span[side] for key, span in spans.items()}, otherwise[side]) for side in (0, 1)
        )
    return bounds(window, rows.as_of)


def bounds(window: Window, as_of: dt.datetime) -> tuple[dt.datetime | None, dt.datetime]:
    """Start (taken in) and end (left out) of a window that is the same for everybody."""
    if window.last:
        return back(as_of, *window.last), as_of
    if window.calendar:
        start, end = calendar_span(*window.calendar, as_of, window.zone)
        return start, min(end, as_of)
    return window.start, min(window.end, as_of) if window.end else as_of


@lru_cache(maxsize=64)
def own_spans(unit: CalendarUnit, offset: int, as_of: dt.datetime) -> Mapping[str, tuple[dt.datetime, dt.datetime]]:
    """The span that is meant in each time zone on earth."""
    return {one.key: calendar_span(unit, offset, as_of, one.key) for one in localtime.every_zone()}


def calendar_span(unit: CalendarUnit, offset: int, as_of: dt.datetime, zone: str) -> tuple[dt.datetime, dt.datetime]:
    """The instants at which a day, week, month or year begins and ends by the clocks of a zone."""
    here = localtime.zone(zone)
    today = as_of.astimezone(here).date()
    first, after = (_first_day(unit, number, today) for number in (offset, offset + 1))
    return (
        localtime.instant(first, dt.time.min, here),
        localtime.instant(after, dt.time.min, here),
    )


def _first_day(unit: CalendarUnit, offset: int, today: dt.date) -> dt.date:
    """The first day of the day, week, month or year so many from that of ``today``."""
    match unit:
        case "day":
            return today + dt.timedelta(days=offset)
        case "week":
            return today - dt.timedelta(days=today.weekday()) + dt.timedelta(weeks=offset)
        case "month":
            year, month = divmod(today.year * 12 + today.month - 1 + offset, 12)
            return dt.date(year, month + 1, 1)
    return dt.date(today.year + offset, 1, 1)


def back(moment: dt.datetime, count: int, unit: Unit) -> dt.datetime:
    """``moment`` minus so many units; a month back from the 31st is the last day of a shorter month.

    Beyond the calendar's ends it is the first or the last instant there is.
    """
    if unit != "months":
        try:
            return moment - dt.timedelta(**{unit: count})
        except OverflowError:
            return _EARLIEST if count > 0 else _LATEST
    year, month = divmod(moment.year * 12 + moment.month - 1 - count, 12)
    if not dt.MINYEAR <= year <= dt.MAXYEAR:
        return _EARLIEST if count > 0 else _LATEST
    return moment.replace(year=year, month=month + 1, day=min(moment.day, calendar.monthrange(year, month + 1)[1]))
