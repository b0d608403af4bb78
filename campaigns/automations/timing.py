"""When: the instants at which waits are over and dates of people fall. Pure; knows no database."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from campaigns.automations.nodes import WaitDateStep, WaitStep, WaitTimeStep
from personalize.core.localtime import ONE_DAY, instant


@dataclass(frozen=True)
class PersonDate:
    """A date of a person; a birthday may have no year."""

    month: int
    day: int
    year: int | None = None


@dataclass(frozen=True)
class Clock:
    """What a wait is counted from: coming to the step, what brought the person in, and what touched that last."""

    came_at: dt.datetime
    started_at: dt.datetime
    activity_at: dt.datetime
    zone: ZoneInfo


def occurrence(date: PersonDate, year: int, feb29: str = "feb28") -> dt.date | None:
    """The day on which a date is kept in a year; None when that year has none."""
    try:
        return dt.date(year, date.month, date.day)
    except ValueError:
        if (date.month, date.day) != (2, 29):
            return None
    return {"feb28": dt.date(year, 2, 28), "mar01": dt.date(year, 3, 1)}.get(feb29)


def wait_is_over(
    step: WaitStep | WaitTimeStep | WaitDateStep, clock: Clock, date: PersonDate | None = None
) -> dt.datetime:
    """The instant at which the wait of a person at ``step`` is over; one that has passed when there is nothing to wait for.

    ``date`` is the person's date that a WaitDateStep waits for, None when it is not known.
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
    for number in range(9):
        day = today + number * ONE_DAY
        over = instant(day, step.at, clock.zone)
        if day.isoweekday() in step.days and over >= clock.came_at:
            return over
    raise ValueError("A wait without weekdays is never over.")


def _at_date(step: WaitDateStep, clock: Clock, date: PersonDate | None) -> dt.datetime:
    if date is None:
        return clock.came_at
    this_year = clock.came_at.astimezone(clock.zone).year
    over = clock.came_at
    for year in [date.year] if date.year and step.field != "birthday" else range(this_year - 1, this_year + 3):
        day = occurrence(date, year)
        if day is not None:
            over = instant(day + step.offset * ONE_DAY, step.at, clock.zone)
            if over >= clock.came_at:
                return over
    return clock.came_at
