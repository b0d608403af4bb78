"""Ages and birthdays by a person's own calendar.

Whoever was born on 29 February has their birthday on the 28th in common years, as birthday automations have it unless told
otherwise. The age of people whose year of birth is not known is not known.
"""

from __future__ import annotations

import datetime as dt
from functools import reduce
from operator import or_
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression, ExpressionWrapper, F, Func, IntegerField, Q
from django.db.models.lookups import GreaterThanOrEqual, IsNull, LessThanOrEqual
from django.db.models.sql.compiler import SQLCompiler

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
    """Whether the whole date of birth is known; a year is never known alone."""
    return Q(**{f"{scope.path('birth_year')}__isnull": False, f"{scope.path('birth_day')}__isnull": False})


def age(op: str, values: list[Any], scope: Scope, zone: str) -> Q:
    """The comparison of an age, which must be known, in whole years."""
    if op == "is_not":
        return ~age("is", values, scope, zone)
    least = {">": values[0] + 1, ">=": values[0], "is": values[0], "between": values[0]}.get(op)
    below = {"<": values[0], "<=": values[0] + 1, "is": values[0] + 1, "between": values[-1] + 1}.get(op)
    comparisons = []
    if least is not None:
        comparisons.append(("<=", _latest_birth(least)))
    if below is not None:
        comparisons.append((">", _latest_birth(below)))
    return local.compare(_Born(scope), comparisons, scope, zone)


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
    exactly = reduce(or_, parts, ~Q(**{column: others}) & _between(usual, ahead, scope))
    first, *_others, last = local.dates(scope.as_of)
    return _somewhere(first, shifted(last, ahead) - ONE_DAY, scope) & exactly


def _latest_birth(years: int) -> local.Reckon:
    """The latest date of birth, as a number, of those who are so many years old or older on a date."""

    def latest(day: dt.date) -> int:
        year = min(max(day.year - years, _YEARS.start), _YEARS.stop)
        return year * 10_000 + _kept_until(day)

    return latest


def _between(first: dt.date, ahead: Offset, scope: Scope) -> Q:
    """Whether a birthday is kept on one of the days from ``first`` on."""
    last = shifted(first, ahead) - ONE_DAY
    start, end = day_number(first) % 10_000, _kept_until(last)
    if last.year > first.year and end >= start:
        return birthday_known(scope)
    kept = _day_of_year(scope)
    from_start, until_end = Q(GreaterThanOrEqual(kept, start)), Q(LessThanOrEqual(kept, end))
    return from_start & until_end if last.year == first.year else from_start | until_end


def _somewhere(first: dt.date, last: dt.date, scope: Scope) -> Q:
    """Whether a birthday is kept anywhere on earth on one of these days: follows from the rest, but an index finds it."""
    if last.year > first.year and last.timetuple().tm_yday >= first.timetuple().tm_yday - 1:
        return birthday_known(scope)
    month, day = scope.path("birth_month"), scope.path("birth_day")
    found, start = [], first
    while start <= last:
        after = (start.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
        end = _kept_until(min(last, after - ONE_DAY)) % 100
        found.append(Q(**{month: start.month, f"{day}__gte": start.day, f"{day}__lte": end}))
        start = after
    return reduce(or_, found)


def _kept_until(day: dt.date) -> int:
    """The last birthday, as month and day, that is kept on a date."""
    is_leap_eve = (day.month, day.day) == (2, 28) and (day + ONE_DAY).month == 3
    return 229 if is_leap_eve else day.month * 100 + day.day


class _Born(Func):
    """The date of birth as a number that sorts as dates do: 29 February 2024 is 20240229."""

    output_field = IntegerField()

    def __init__(self, scope: Scope) -> None:
        super().__init__(*(F(scope.path(column)) for column in ("birth_year", "birth_month", "birth_day")))

    def as_sql(
        self,
        compiler: SQLCompiler,
        connection: BaseDatabaseWrapper,
        function: str | None = None,
        template: str | None = None,
        arg_joiner: str | None = None,
        **_: Any,
    ) -> tuple[str, tuple[str | int, ...]]:
        (year, _1), (month, _2), (day, _3) = map(compiler.compile, self.source_expressions)
        return f"({year} * 10000 + {month} * 100 + {day})", ()


def _day_of_year(scope: Scope) -> Expression:
    """Month and day of birth as a number that sorts as they do."""
    return ExpressionWrapper(F(scope.path("birth_month")) * 100 + F(scope.path("birth_day")), IntegerField())
