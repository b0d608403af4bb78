"""What a person's own clock and calendar say, in SQL: computed here for every time zone and told apart by theirs.

At no instant are there more than three dates on earth. So what hangs on a person's date is told apart by date, not by zone,
and only people for whom it makes a difference are asked for their zone at all.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar

from django.db.models import (
    Case,
    CharField,
    DateTimeField,
    Expression,
    F,
    Field,
    IntegerField,
    Lookup,
    Q,
    Value,
    When,
)
from django.db.models.lookups import Exact, GreaterThan, GreaterThanOrEqual, In, LessThan, LessThanOrEqual

from personalize.core import localtime
from segments.segmentation.rules.kinds import Scope

T = TypeVar("T", dt.datetime, int, str)
Compared: TypeAlias = Expression | F
_FIELDS: Mapping[type, type[Field[Any, Any]]] = {dt.datetime: DateTimeField, int: IntegerField, str: CharField}
_LOOKUPS: Mapping[str, type[Lookup[Any]]] = {
    "is": Exact,
    "<": LessThan,
    "<=": LessThanOrEqual,
    ">": GreaterThan,
    ">=": GreaterThanOrEqual,
}


def by_zone(scope: Scope, values: Mapping[str, T], otherwise: T) -> Expression:
    """The value of the person's time zone; ``otherwise`` that of people whose zone is not known."""
    field = _FIELDS[type(otherwise)]()
    zones: dict[T, list[str]] = {}
    for zone, value in values.items():
        zones.setdefault(value, []).append(zone)
    zones.pop(otherwise, None)
    # The commonest first, because the cases are tried in turn.
    order = [value for value, _number in Counter({value: len(names) for value, names in zones.items()}).most_common()]
    cases = [When(**{f"{scope.path('time_zone')}__in": zones[value]}, then=Value(value, field)) for value in order]
    return Case(*cases, default=Value(otherwise, field), output_field=field)


def compare(value: Compared, op: str, reckon: Callable[[dt.date], T], scope: Scope, zone: str) -> Q:
    """Whether ``value`` compares so with what is reckoned from the person's own date; ``value`` must be known.

    ``op`` is one of ``is``, ``is_not``, ``<``, ``<=``, ``>``, ``>=``. What is reckoned must never fall when the date rises.
    ``zone`` stands in for people who have none.
    """
    if op == "is_not":
        return ~compare(value, "is", reckon, scope, zone)
    lookup = _LOOKUPS[op]
    bounds = {day: reckon(day) for day in dates(scope.as_of)}
    low, high = min(bounds.values()), max(bounds.values())
    if low == high:
        return Q(lookup(value, low))
    own = by_zone(
        scope,
        {name: bounds[day] for day, names in dates(scope.as_of).items() for name in names},
        bounds[today(scope.as_of, zone)],
    )
    exact = Q(lookup(value, own))
    if op == "is":
        return Q(In(value, sorted(set(bounds.values())))) & exact
    certain, possible = (low, high) if op in ("<", "<=") else (high, low)
    # What is possible is a constant, which an index can find; what is certain needs no zone.
    return Q(lookup(value, possible)) & (Q(lookup(value, certain)) | exact)


@lru_cache(maxsize=64)
def dates(as_of: dt.datetime) -> Mapping[dt.date, tuple[str, ...]]:
    """The dates that calendars on earth show at an instant, and in which zones."""
    found: dict[dt.date, list[str]] = {}
    for zone in localtime.every_zone():
        found.setdefault(as_of.astimezone(zone).date(), []).append(zone.key)
    return {day: tuple(found[day]) for day in sorted(found)}


def today(as_of: dt.datetime, zone: str) -> dt.date:
    """The date in a zone; in UTC where the zone is not known."""
    return as_of.astimezone(localtime.zone(zone)).date()


def day_number(day: dt.date) -> int:
    """A date as a whole number that sorts as dates do: 29 February 2024 is 20240229."""
    return day.year * 10_000 + day.month * 100 + day.day
