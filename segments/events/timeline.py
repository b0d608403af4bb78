"""What a person did, for their timeline; orders, consent and mail have richer sources of their own."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import QuerySet
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


def _events(subscriber: Subscriber) -> QuerySet[Event]:
    told_elsewhere = ("order_placed", "order_refunded", "subscription_confirmed")
    return (
        Event.objects.filter(subscriber=subscriber).exclude(name__in=told_elsewhere).exclude(name__startswith="email_")
    )


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
