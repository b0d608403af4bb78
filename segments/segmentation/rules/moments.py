"""Instants that rules compare with: absolute, or so far before or after the one asked about.

``"2026-11-19"``, ``"2026-11-19T08:40"``, ``{"ago": [30, "days"]}``, ``{"in": [7, "days"]}``.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils.translation import gettext as _

from segments.segmentation.rules import reading
from segments.segmentation.rules.nodes import Offset
from segments.segmentation.rules.reading import RuleError, at
from segments.segmentation.rules.windows import back, span

DAYS = ("days", "weeks", "months")
"""The units in which dates, as against times, lie apart."""


def parse_moment(raw: Any, path: str) -> dt.datetime | Offset:
    """Read an instant; raises RuleError."""
    return parse_offset(raw, path) if isinstance(raw, dict) else reading.moment(raw, path)


def parse_day(raw: Any, path: str) -> dt.date | Offset:
    """Read a date, or a distance from the person's own today in whole days, weeks or months; raises RuleError."""
    if not isinstance(raw, dict):
        return reading.date(raw, path)
    offset = parse_offset(raw, path)
    (way,) = raw
    reading.choice(offset.unit, f"{at(path, way)}[1]", DAYS)
    return offset


def parse_offset(raw: Any, path: str) -> Offset:
    """Read a distance from the instant asked about; raises RuleError."""
    reading.table(raw, path, optional=["ago", "in"])
    if len(raw) != 1:
        raise RuleError(path, _("Expected exactly one of: %(kinds)s.") % {"kinds": "ago, in"})
    ((way, value),) = raw.items()
    count, unit = span(value, at(path, way), least=0)
    return Offset(count if way == "in" else -count, unit)


def resolved(value: dt.datetime | Offset, as_of: dt.datetime) -> dt.datetime:
    """The instant that is meant at ``as_of``."""
    return back(as_of, -value.count, value.unit) if isinstance(value, Offset) else value


def shifted(day: dt.date, by: Offset) -> dt.date:
    """A date so many days, weeks or months later or earlier; from the 31st a shorter month's last day."""
    return back(dt.datetime.combine(day, dt.time.min, dt.UTC), -by.count, by.unit).date()
