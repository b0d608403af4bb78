"""Dates of people as they are stored: read for some of them at once, or narrowed to those that fall on some days."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Min, OuterRef, Q, Subquery
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Substr
from django.db.models.lookups import In

from campaigns.automations.nodes import DateTrigger
from campaigns.automations.timing import BIRTHDAY, FIRST_ORDER, JOINED, PersonDate, occurrence
from personalize.accounts.models import Brand
from personalize.core.database import among
from personalize.core.localtime import ONE_DAY, zone
from segments.commerce.models import Order, OrderStatus
from segments.segmentation.rules.sql import JsonValue
from segments.subscribers.models import Subscriber
from segments.subscribers.querysets import SubscriberQuerySet

_ATTRIBUTE = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LEAP = PersonDate(2, 29)


def brand_zone() -> str:
    """The zone of people whose own is not known."""
    return Brand.objects.values_list("time_zone", flat=True).first() or "UTC"


def of(field: str, people: Sequence[int], elsewhere: str) -> dict[int, PersonDate]:
    """The dates of these people that are known: birthday, first order, joining or an attribute, as their calendar has them.

    ``elsewhere`` is the zone of those who have none. One query.
    """
    return {pk: date for pk, date, _zone in read(field, Subscriber.objects.filter(pk__in=among(people)), elsewhere)}


def read(field: str, people: SubscriberQuerySet, elsewhere: str) -> Iterator[tuple[int, PersonDate, ZoneInfo]]:
    """Those of the people whose date is known, with it and their zone, by id."""
    if field == BIRTHDAY:
        columns: tuple[Any, ...] = ("birth_month", "birth_day", "birth_year")
    elif field == JOINED:
        columns = ("created_at",)
    elif field == FIRST_ORDER:
        columns = (
            Subquery(_orders().filter(subscriber=OuterRef("pk")).values("subscriber").values(at=Min("placed_at"))),
        )
    elif _ATTRIBUTE.fullmatch(field):
        columns = (KeyTextTransform(field, "attributes"),)
    else:
        return
    # Sorted here: asked for an order, the database may walk through everybody in it.
    for pk, zone_name, *stored in sorted(people.order_by().values_list("pk", "time_zone", *columns)):
        where = zone(zone_name, elsewhere)
        date = _date(stored, where)
        if date is not None:
            yield pk, date, where


def _date(stored: Sequence[Any], where: ZoneInfo) -> PersonDate | None:
    if len(stored) == 3:
        month, day, year = stored
        return None if month is None else PersonDate(month, day, year)
    (value,) = stored
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value) if len(value) > 10 else dt.date.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, dt.datetime):
        value = value.astimezone(where).date()
    return PersonDate(value.month, value.day, value.year) if isinstance(value, dt.date) else None


def falling_on(trigger: DateTrigger, days: Sequence[dt.date]) -> Q:
    """Everybody whose date may be kept on one of these days, which follow one another; some a little too many."""
    if trigger.field in (JOINED, FIRST_ORDER):
        return _moments(trigger, days)
    pairs = {(day.month, day.day) for day in days}
    if pairs & {(2, 28), (3, 1)}:
        pairs.add((_LEAP.month, _LEAP.day))
    if trigger.field == BIRTHDAY:
        found = Q()
        for month, day in sorted(pairs):
            found |= Q(birth_month=month, birth_day=day)
        return found
    if not _ATTRIBUTE.fullmatch(trigger.field):
        return Q(pk__in=[])
    # An instant, stored in UTC, may be the day before or after where the person lives.
    wide = [days[0] - ONE_DAY, *days, days[-1] + ONE_DAY]
    value = JsonValue("attributes", trigger.field, "date")
    if trigger.every == "once":
        return Q(In(value, [day.isoformat() for day in wide]))
    named = pairs | {(day.month, day.day) for day in wide}
    return Q(In(Substr(value, 6, 5), [f"{month:02}-{day:02}" for month, day in sorted(named)]))


def _moments(trigger: DateTrigger, days: Sequence[dt.date]) -> Q:
    """Those who joined, or first ordered, around these days of any year; found by the indexes on time."""
    joined = trigger.field == JOINED
    rows: Any = Subscriber.objects.all() if joined else _orders()
    column = "created_at" if joined else "placed_at"
    first = rows.aggregate(first=Min(column))["first"]
    found = Q(pk__in=[])
    if first is None:
        return found
    back = days[-1].year - first.year + 1 if trigger.every == "year" else 0
    for years in range(back + 1):
        # A day more on both sides for zones, and one before for 29 February.
        low, high = (_years_before(day, years) for day in (days[0], days[-1]))
        if low is not None and high is not None:
            found |= Q(
                **{f"{column}__gte": _midnight(low - 2 * ONE_DAY), f"{column}__lt": _midnight(high + 2 * ONE_DAY)}
            )
    if joined:
        return found
    return Q(pk__in=_orders().filter(found).values("subscriber"))


def _years_before(day: dt.date, years: int) -> dt.date | None:
    return occurrence(PersonDate(day.month, day.day), day.year - years)


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time.min, dt.UTC)


def _orders() -> Any:
    return Order.objects.filter(subscriber__isnull=False).exclude(status=OrderStatus.CANCELLED).order_by()
