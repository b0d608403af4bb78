"""What a person did, for their timeline; orders, consent and mail have richer sources of their own."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from operator import or_

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from personalize.core.registries import Span, TimelineEntry, TimelineSource
from segments.events.models import Event
from segments.subscribers.models import Subscriber

_ICONS = {
    "product_viewed": "visibility",
    "cart_updated": "shopping_cart",
    "cart_emptied": "remove_shopping_cart",
    "checkout_started": "shopping_cart_checkout",
    "segment_joined": "filter_alt",
    "segment_left": "filter_alt",
}


# Orders, carts and consent tell these themselves.
_TOLD_ELSEWHERE = (
    *("order_placed", "order_paid", "order_fulfilled", "order_delivered", "order_cancelled", "order_refunded"),
    "subscription_confirmed",
)
# These too where they came with a cart of ours, whose records begin their key with the name.
_CARTS = ("cart_updated", "cart_emptied", "checkout_started")


def _events(subscriber: Subscriber) -> QuerySet[Event]:
    of_carts = reduce(or_, (Q(name=name, idempotency_key__startswith=f"{name}:") for name in _CARTS))
    told = Q(name__in=_TOLD_ELSEWHERE) | Q(name__startswith="email_") | of_carts
    return Event.objects.filter(~told, subscriber=subscriber)


def _entries(subscriber: Subscriber, limit: int, span: Span) -> Iterator[TimelineEntry]:
    for event in span.of(_events(subscriber), "occurred_at").order_by("-occurred_at", "-pk")[:limit]:
        yield TimelineEntry(
            at=event.occurred_at,
            kind="event",
            icon=_ICONS.get(event.name, "bolt"),
            verb=event.name.replace("_", " ").capitalize(),
            text=event.subject,
            detail=event.source,
            lines=tuple((name.replace("_", " "), value) for name, value in sorted(event.properties.items())),
        )


def _count(subscriber: Subscriber) -> int:
    return _events(subscriber).count()


TIMELINE = TimelineSource(key="events", label=_("Events"), entries=_entries, count=_count, order=30)
