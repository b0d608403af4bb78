"""How many people a recipe would have concerned a day: one query each, over the last 90 days."""

from __future__ import annotations

import datetime as dt

from django.db.models import Count, Max
from django.db.models.functions import TruncDate

from segments.commerce.models import Cart, CartState, Order, OrderStatus
from segments.consent.models import ConsentAction, ConsentEntry
from segments.events.models import Event
from segments.subscribers.models import Subscriber

DAYS = 90
YEAR = 365
_BACK = (OrderStatus.CANCELLED, OrderStatus.REFUNDED)


def a_day(number: int, days: int = DAYS) -> int:
    """So many over so many days, as a whole number a day; somebody is never nobody."""
    return max(1, round(number / days)) if number else 0


def _since(at: dt.datetime) -> dt.datetime:
    return at - dt.timedelta(days=DAYS)


def joinings(at: dt.datetime) -> int:
    """People who joined a topic by their own word."""
    said = ConsentEntry.objects.filter(
        topic__isnull=False,
        action__in=(ConsentAction.SUBSCRIBED, ConsentAction.CONFIRMED),
        at__gte=_since(at),
        at__lt=at,
    )
    return a_day(said.aggregate(number=Count("subscriber", distinct=True))["number"])


def carts(at: dt.datetime) -> int:
    """Carts of people we know that were not ordered."""
    left = Cart.objects.filter(subscriber__isnull=False, last_activity_at__gte=_since(at), last_activity_at__lt=at)
    return a_day(left.exclude(state=CartState.ORDERED).count())


def visits(at: dt.datetime) -> int:
    """Days on which a person looked at something."""
    seen = Event.objects.filter(name="product_viewed", occurred_at__gte=_since(at), occurred_at__lt=at)
    return a_day(seen.values("subscriber", day=TruncDate("occurred_at", tzinfo=dt.UTC)).distinct().count())


def orders(at: dt.datetime) -> int:
    """Orders of people we know that were neither cancelled nor given back."""
    placed = Order.objects.filter(subscriber__isnull=False, placed_at__gte=_since(at), placed_at__lt=at)
    return a_day(placed.exclude(status__in=_BACK).count())


def deliveries(at: dt.datetime) -> int:
    """Orders of which the shop said that they arrived."""
    arrived = Event.objects.filter(name="order_delivered", occurred_at__gte=_since(at), occurred_at__lt=at)
    return a_day(arrived.count())


def birthdays(at: dt.datetime) -> int:
    """Birthdays, which are spread over the year."""
    return a_day(Subscriber.objects.present().filter(birth_month__isnull=False).count(), YEAR)


def first_orders(at: dt.datetime) -> int:
    """People whose first order is a year old or older; its days are spread over the year."""
    long_ago = Order.objects.filter(subscriber__isnull=False, placed_at__lt=at - dt.timedelta(days=YEAR))
    return a_day(long_ago.aggregate(number=Count("subscriber", distinct=True))["number"], YEAR)


def fallen_quiet(at: dt.datetime, *, after: int) -> int:
    """People whose last order became ``after`` days old."""
    people = Order.objects.filter(subscriber__isnull=False, placed_at__lt=at).values("subscriber")
    first, last = (at - dt.timedelta(days=days) for days in (after + DAYS, after))
    return a_day(people.annotate(latest=Max("placed_at")).filter(latest__gte=first, latest__lt=last).count())
