"""What left and what came back in the last thirty days, over all mails: for Home."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.core.cache import cache
from django.db.models import Count, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

from campaigns.analytics.attribution import credited_orders
from campaigns.delivery.models import Message
from campaigns.delivery.types import MessageState
from campaigns.tracking.models import Hit
from personalize.core import clock

DAYS = 30
_KEPT_SECONDS = 300


@dataclass(frozen=True)
class Trends:
    """Per day, oldest first, the last of them today; and the sums of what may harm the sender's name."""

    sent: tuple[int, ...]
    clickers: tuple[int, ...]
    orders: tuple[int, ...]
    delivery_known: bool
    bounced: int
    complained: int
    unsubscribed: int


def last_days() -> Trends:
    """Counted anew when the last count is older than five minutes, since Home is opened often; four queries."""
    zone = timezone.get_current_timezone_name()
    key = f"analytics.trends.{zone}"
    found = cache.get(key)
    if not isinstance(found, Trends):
        found = _count()
        cache.set(key, found, _KEPT_SECONDS)
    return found


def _count() -> Trends:
    today = timezone.localtime(clock.now()).date()
    first = today - dt.timedelta(days=DAYS - 1)
    since = timezone.make_aware(dt.datetime.combine(first, dt.time()))
    left = Message.objects.filter(state=MessageState.SENT, handed_at__gte=since)
    marks = left.aggregate(
        delivered=Count("delivered_at"),
        bounced=Count("bounced_at"),
        complained=Count("complained_at"),
        unsubscribed=Count("unsubscribed_at"),
    )
    clicks = Hit.objects.clicks().by_people().filter(at__gte=since)
    orders = credited_orders().filter(placed_at__gte=since, credited_hit__isnull=False)

    def daily(rows: QuerySet, field: str, what: Count) -> tuple[int, ...]:  # type: ignore[type-arg]  # Any model's.
        counts = dict(rows.order_by().values_list(TruncDate(field)).annotate(n=what))
        return tuple(counts.get(first + dt.timedelta(days=day), 0) for day in range(DAYS))

    return Trends(
        sent=daily(left, "handed_at", Count("pk")),
        clickers=daily(clicks, "at", Count("message__subscriber", distinct=True)),
        orders=daily(orders, "placed_at", Count("pk")),
        delivery_known=bool(marks["delivered"] or marks["bounced"]),
        bounced=marks["bounced"],
        complained=marks["complained"],
        unsubscribed=marks["unsubscribed"],
    )
