"""Ages and birthdays by a person's own calendar.

Whoever was born on 29 February has their birthday on the 28th in common years, as birthday automations have it unless told
otherwise. The age of people whose year of birth is not known is not known.
"""

from __future__ import annotations

import datetime as dt
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Expression, ExpressionWrapper, F, IntegerField, Q
from django.db.models.lookups import GreaterThanOrEqual, IsNull, LessThanOrEqual

from personalize.core.localtime import ONE_DAY
from segments.segmentation.rules import local, reading
from segments.segmentation.rules.kinds import Scope
from segments.segmentation.rules.local import day_number
from segments.segmentation.rules.moments import shifted
from segments.segmentation.rules.nodes import Offset

AHEAD = {"days": 366, "weeks": 52, "months": 12}
"""How far a search for birthdays may look ahead: everybody has had theirs by then."""

_YEARS = range(dt.MINYEAR, dt.MAXYEAR)


def age_known(scope: Scope) -> Q:
    """Whether the whole date of birth is known."""
    return Q(IsNull(_born(scope), False))


def age(op: str, values: list[Any], scope: Scope, zone: str) -> Q:
    """The comparison of an age, which must be known, in whole years."""
    match op:
        case ">=":
            return _has_turned(values[0], scope, zone)
        case ">":
            return _has_turned(values[0] + 1, scope, zone)
        case "<":
            return ~_has_turned(values[0], scope, zone)
        case "<=":
            return ~_has_turned(values[0] + 1, scope, zone)
        case "is_not":
            return ~age("is", values, scope, zone)
    return _has_turned(values[0], scope, zone) & ~_has_turned(values[-1] + 1, scope, zone)


def parse_span(raw: Any, path: str) -> Offset:
    """How far to look ahead, such as ``[7, "days"]``; raises RuleError."""
    count, unit = reading.sequence(raw, path, least=2, most=2)
    named: Any = reading.choice(unit, f"{path}[1]", AHEAD)
    return Offset(reading.whole(count, f"{path}[0]", least=1, most=AHEAD[named]), named)


def birthday_known(scope: Scope) -> Q:
    """Whether day and month of birth are known."""
    return Q(IsNull(_day_of_year(scope), False))


def birthday_within(ahead: Offset, scope: Scope, zone: str) -> Q:
    """Whether a birthday, which must be known, is on one of the coming days, of which the person's today is the first."""
    others: list[str] = []
    parts: list[Q] = []
    usual = local.today(scope.as_of, zone)
    column = f"{scope.path('time_zone')}__in"
    for day, zones in local.dates(scope.as_of).items():
        if day != usual:
            others.extend(zones)
            parts.append(Q(**{column: list(zones)}) & _between(day, ahead, scope))
    return reduce(or_, parts, ~Q(**{column: others}) & _between(usual, ahead, scope))


def _has_turned(years: int, scope: Scope, zone: str) -> Q:
    """Whether somebody is so many years old, or older."""

    def latest(day: dt.date) -> int:
        """The latest date of birth, as a number, of those who are that old."""
        year = min(max(day.year - years, _YEARS.start), _YEARS.stop)
        return year * 10_000 + _kept_until(day)

    return local.compare(_born(scope), "<=", latest, scope, zone)


def _between(first: dt.date, ahead: Offset, scope: Scope) -> Q:
    """Whether a birthday is kept on one of the days from ``first`` on."""
    last = shifted(first, ahead) - ONE_DAY
    start, end = day_number(first) % 10_000, _kept_until(last)
    if last.year > first.year and end >= start:
        return birthday_known(scope)
    kept = _day_of_year(scope)
    from_start, until_end = Q(GreaterThanOrEqual(kept, start)), Q(LessThanOrEqual(kept, end))
    return from_start & until_end if last.year == first.year else from_start | until_end


def _kept_until(day: dt.date) -> int:
    """The last birthday, as month and day, that is kept on a date."""
    is_leap_eve = (day.month, day.day) == (2, 28) and (day + ONE_DAY).month == 3
    return 229 if is_leap_eve else day.month * 100 + day.day


def _born(scope: Scope) -> Expression:
    """The date of birth as a number that sorts as dates do; null where part of it is not known."""
    number = F(scope.path("birth_year")) * 10_000 + F(scope.path("birth_month")) * 100 + F(scope.path("birth_day"))
    return ExpressionWrapper(number, IntegerField())


def _day_of_year(scope: Scope) -> Expression:
    """Month and day of birth as a number that sorts as they do."""
    return ExpressionWrapper(F(scope.path("birth_month")) * 100 + F(scope.path("birth_day")), IntegerField())
