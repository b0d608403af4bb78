"""What a person bought and gave back, for their timeline."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from personalize.accounts.brand import shop_currency
from personalize.core.registries import Span, TimelineEntry, TimelineSource
from personalize.dashboard.figures import money
from segments.commerce.models import Order, OrderLine, Refund, RefundLine
from segments.subscribers.models import Subscriber

SHOWN_LINES = 5


def _told(kept: Order | Refund, currency: str) -> TimelineEntry:
    lines: list[OrderLine | RefundLine] = list(kept.lines.all())
    order = isinstance(kept, Order)
    return TimelineEntry(
        at=kept.placed_at if isinstance(kept, Order) else kept.refunded_at,
        kind="order" if order else "refund",
        icon="receipt_long" if order else "undo",
        verb=_("Ordered") if order else _("Got money back"),
        text=money(kept.total, currency),
        tone="good" if order else "",
        detail=f"{kept.number} · " + ngettext("%d line", "%d lines", len(lines)) % len(lines),
        lines=tuple(
            (f"{line.quantity} × {line.product.title if line.product else line.code}", money(line.amount, currency))
            for line in lines[:SHOWN_LINES]
        ),
    )


def _entries(subscriber: Subscriber, limit: int, span: Span) -> Iterator[TimelineEntry]:
    orders = Order.objects.filter(subscriber=subscriber).order_by("-placed_at", "-pk")
    refunds = Refund.objects.filter(subscriber=subscriber).order_by("-refunded_at", "-pk")
    kept: chain[Order | Refund] = chain(
        span.of(orders, "placed_at").prefetch_related("lines__product")[:limit],
        span.of(refunds, "refunded_at").prefetch_related("lines__product")[:limit],
    )
    currency = shop_currency()
    told = [_told(one, currency) for one in kept]
    return iter(sorted(told, key=lambda entry: entry.at, reverse=True)[:limit])


def _count(subscriber: Subscriber) -> int:
    mine = {"subscriber": subscriber}
    return Order.objects.filter(**mine).count() + Refund.objects.filter(**mine).count()


TIMELINE = TimelineSource(key="orders", label=_("Orders"), entries=_entries, count=_count, order=20)
