"""What a person's own clock and calendar say, in SQL: computed here for every time zone and told apart by theirs.

At no instant are there more than three dates on earth. So what hangs on a person's date is told apart by date, not by zone,
and only people for whom it makes a difference are asked for their zone at all.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, reduce
from operator import and_
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
Reckon: TypeAlias = Callable[[dt.date], Any]
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


def compare(value: Compared, comparisons: Sequence[tuple[str, Reckon]], scope: Scope, zone: str) -> Q:
    """Whether ``value``, which must be known, compares so with all that is reckoned from the person's own date.

    Operators are ``is``, ``is_not``, ``<``, ``<=``, ``>`` and ``>=``. What is reckoned must never fall when the date rises.
    ``zone`` stands in for people who have none.
    """
    possible, exactly = [], []
    for op, reckon in comparisons:
        bounds = {day: reckon(day) for day in dates(scope.as_of)}
        low, high = min(bounds.values()), max(bounds.values())
        if op == "is_not":
            exactly.append(~compare(value, [("is", reckon)], scope, zone))
        elif low == high:
            possible.append(Q(_LOOKUPS[op](value, low)))
        elif op == "is":
            possible.append(Q(In(value, sorted(set(bounds.values())))))
            exactly.append(Q(Exact(value, _by_date(bounds, scope, zone))))
        else:
            lookup, farther, nearer = _LOOKUPS[op], *((high, low) if op in ("<", "<=") else (low, high))
            possible.append(Q(lookup(value, farther)))
            exactly.append(Q(lookup(value, nearer)) | Q(lookup(value, _by_date(bounds, scope, zone))))
    # First what is the same for everybody, which an index can find; few people are left to be told apart by their zone.
    return reduce(and_, [*possible, *exactly])


def _by_date(bounds: Mapping[dt.date, T], scope: Scope, zone: str) -> Expression:
    """What belongs to the person's own date."""
    otherwise = bounds[today(scope.as_of, zone)]
    zones = {
        name: bounds[day] for day, names in dates(scope.as_of).items() if bounds[day] != otherwise for name in names
    }
    return by_zone(scope, zones, otherwise)


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
