"""When: the instants at which waits are over and dates of people fall. Pure; knows no database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.automations.nodes import DateTrigger, Trigger, WaitDateStep, WaitStep, WaitTimeStep
from personalize.core.localtime import ONE_DAY, instant, is_lived

BIRTHDAY, FIRST_ORDER, JOINED = "birthday", "first_order", "joined"
"""The dates that people have without an attribute."""

AGES = range(13, 111)
"""The ages that may be printed; beyond them a year of birth is rather wrong, or nobody's business."""

YEARS = range(dt.MINYEAR + 2, dt.MAXYEAR - 1)
"""The years in which a day and its offset can be reckoned with."""


@dataclass(frozen=True)
class PersonDate:
    """A date of a person; a birthday may have no year. ``kept`` is the day an enrolment is about, where it is about one."""

    month: int
    day: int
    year: int | None = None
    kept: dt.date | None = None


@dataclass(frozen=True)
class Occasion:
    """One keeping of a date: people come in ``at`` that instant, for ``day`` itself. ``years`` since the first, where known."""

    day: dt.date
    at: dt.datetime
    key: str
    years: int | None


@dataclass(frozen=True)
class Clock:
    """What a wait is counted from: coming to the step, what brought the person in, and what touched that last."""

    came_at: dt.datetime
    started_at: dt.datetime
    activity_at: dt.datetime
    zone: ZoneInfo


# --- dates of people ----------------------------------------------------------------------------------------------------


def occurrence(date: PersonDate, year: int, feb29: str = "feb28") -> dt.date | None:
    """The day on which a date is kept in a year; None when that year has none, or is beyond reckoning."""
    if year not in YEARS:
        return None
    try:
        return dt.date(year, date.month, date.day)
    except ValueError:
        if (date.month, date.day) != (2, 29):
            return None
    return {"feb28": dt.date(year, 2, 28), "mar01": dt.date(year, 3, 1)}.get(feb29)


def occasion(trigger: DateTrigger, date: PersonDate, year: int, zone: ZoneInfo) -> Occasion | None:
    """How a date is kept in ``year``; None when it is not, or is only just beginning. What comes once has its own year."""
    once = trigger.every == "once"
    day = occurrence(date, date.year or 0 if once else year, trigger.feb29)
    if day is None:
        return None
    years = None if once or date.year is None else year - date.year
    if years is not None and years <= 0:
        return None
    if trigger.field == BIRTHDAY and years not in AGES:
        years = None
    at = instant(day + trigger.offset * ONE_DAY, trigger.at, zone)
    return Occasion(day, at, day.isoformat() if once else str(day.year), years)


def occasions(
    trigger: DateTrigger, date: PersonDate, since: dt.datetime, until: dt.datetime, zone: ZoneInfo
) -> list[Occasion]:
    """The keepings of a date for which its person comes in after ``since``, at ``until`` at the latest."""
    # An offset of at most a year may cross one new year more than its own length does.
    years = range(since.year - 2, until.year + 3) if trigger.every == "year" else [date.year or 0]
    found = (occasion(trigger, date, year, zone) for year in years)
    return [one for one in found if one is not None and since < one.at <= until]


def is_too_late(trigger: DateTrigger, occasion: Occasion, at: dt.datetime, zone: ZoneInfo) -> bool:
    """Whether people cannot come in for the occasion any more.

    What may be less than a day late must also be the same day: a mail that says "today" does not go tomorrow.
    """
    if at - occasion.at > trigger.late.delta:
        return True
    same_day = at.astimezone(zone).date() == occasion.at.astimezone(zone).date()
    return trigger.late.delta < ONE_DAY and not same_day


def days_in_play(trigger: DateTrigger, since: dt.datetime, until: dt.datetime) -> list[dt.date]:
    """Every day that, kept anywhere on earth, may bring somebody in after ``since`` up to ``until``; some a little too many."""
    # Clocks are at most 14 hours before and 12 behind UTC, and a day that is jumped over is kept after the jump.
    first, last = since.date() - 2 * ONE_DAY, until.date() + ONE_DAY
    return [first + (number - trigger.offset) * ONE_DAY for number in range((last - first).days + 1)]


def meant(trigger: Trigger, field: str, date: PersonDate | None, context: Mapping[str, Any]) -> PersonDate | None:
    """A person's date as a step of their enrolment means it: that of the year they came in for, where they came in for it.

    ``context`` is the enrolment's. The date itself is as it is known now, so that a correction is followed.
    """
    if date is None or not isinstance(trigger, DateTrigger) or trigger.field != field or trigger.every == "once":
        return date
    try:
        year = dt.date.fromisoformat(context["date"]).year
    except (KeyError, TypeError, ValueError):
        return date
    return replace(date, kept=occurrence(date, year, trigger.feb29))


# --- waits --------------------------------------------------------------------------------------------------------------


def wait_is_over(
    step: WaitStep | WaitTimeStep | WaitDateStep, clock: Clock, date: PersonDate | None = None
) -> dt.datetime:
    """The instant at which the wait of a person at ``step`` is over; one that has passed when there is nothing to wait for.

    ``date`` is the person's date that a WaitDateStep waits for, as ``meant`` gives it; None when it is not known. A birthday
    that the enrolment is not about is the next one.
    """
    match step:
        case WaitStep():
            return _after(step, clock)
        case WaitTimeStep():
            return _at_time(step, clock)
        case WaitDateStep():
            return _at_date(step, clock, date)


def _after(step: WaitStep, clock: Clock) -> dt.datetime:
    since = clock.activity_at if step.since == "activity" else clock.came_at
    over = since + step.duration.delta
    return min(over, max(clock.came_at, clock.started_at + step.most.delta)) if step.most else over


def _at_time(step: WaitTimeStep, clock: Clock) -> dt.datetime:
    today = clock.came_at.astimezone(clock.zone).date()
    # Two weeks: the only weekday may be the one that is left out when a country moves over the date line.
    for number in range(16):
        day = today + number * ONE_DAY
        if day.isoweekday() in step.days and is_lived(day, clock.zone):
            over = instant(day, step.at, clock.zone)
            if over >= clock.came_at:
                return over
    raise ValueError("A wait without weekdays is never over.")


def _at_date(step: WaitDateStep, clock: Clock, date: PersonDate | None) -> dt.datetime:
    if date is None:
        return clock.came_at
    if date.kept is not None:
        days = [date.kept]
    else:
        this_year = clock.came_at.astimezone(clock.zone).year
        once = date.year is not None and step.field != BIRTHDAY
        years = [date.year] if once and date.year else range(this_year - 2, this_year + 4)
        days = [day for year in years if (day := occurrence(date, year)) is not None]
    over = clock.came_at
    for day in days:
        over = instant(day + step.offset * ONE_DAY, step.at, clock.zone)
        if over >= clock.came_at:
            return over
    return over
