"""What a person's own clock and calendar say, in SQL: computed here for every time zone and told apart by theirs."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from typing import TypeVar

from django.db.models import Case, DateTimeField, Expression, IntegerField, Value, When

from segments.segmentation.rules.kinds import Scope

T = TypeVar("T", dt.datetime, int)


def by_zone(scope: Scope, values: Mapping[str, T], otherwise: T) -> Expression:
    """The value of the person's time zone; ``otherwise`` that of people whose zone is not known."""
    field = IntegerField() if isinstance(otherwise, int) else DateTimeField()
    zones: dict[T, list[str]] = {}
    for zone, value in values.items():
        zones.setdefault(value, []).append(zone)
    zones.pop(otherwise, None)
    # The commonest first, because the cases are tried in turn.
    order = [value for value, _number in Counter({value: len(names) for value, names in zones.items()}).most_common()]
    cases = [When(**{f"{scope.path('time_zone')}__in": zones[value]}, then=Value(value, field)) for value in order]
    return Case(*cases, default=Value(otherwise, field), output_field=field)


def day_number(day: dt.date) -> int:
    """A date as a whole number that sorts as dates do: 29 February 2024 is 20240229."""
    return day.year * 10_000 + day.month * 100 + day.day
