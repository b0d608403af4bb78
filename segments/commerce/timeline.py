"""What a person bought, gave back and left in carts, for their timeline; what became of orders stands beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from personalize.accounts.brand import shop_currency
from personalize.core.registries import Span, TimelineEntry, TimelineSource
from personalize.dashboard.figures import money
from segments.commerce.models import Cart, CartLine, CartState, Order, OrderLine, OrderStatus, Refund, RefundLine
from segments.events.models import Event
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
        lines=_shown(lines, currency),
    )


def _shown(lines: Sequence[OrderLine | RefundLine | CartLine], currency: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        (f"{line.quantity} × {line.product.title if line.product else line.code}", money(line.amount, currency))
        for line in lines[:SHOWN_LINES]
    )


# The statuses that follow an order: icon, what is said, tone. Refunds with lines have entries of their own.
_STATUSES = {
    f"order_{OrderStatus.PAID}": ("payments", _("Paid"), ""),
    f"order_{OrderStatus.FULFILLED}": ("local_shipping", _("Was sent their order"), ""),
    f"order_{OrderStatus.DELIVERED}": ("package_2", _("Received their order"), "good"),
    f"order_{OrderStatus.CANCELLED}": ("cancel", _("Order was cancelled"), "bad"),
    f"order_{OrderStatus.REFUNDED}": ("undo", _("Got all their money back"), ""),
}


def _became(subscriber: Subscriber) -> QuerySet[Event]:
    known = Event.objects.filter(subscriber=subscriber, name__in=_STATUSES)
    return known.exclude(idempotency_key__startswith="refund:")


def _told_status(event: Event) -> TimelineEntry:
    icon, verb, tone = _STATUSES[event.name]
    return TimelineEntry(at=event.occurred_at, kind="order", icon=icon, verb=verb, text=event.subject, tone=tone)


def _entries(subscriber: Subscriber, limit: int, span: Span) -> Iterator[TimelineEntry]:
    orders = Order.objects.filter(subscriber=subscriber).order_by("-placed_at", "-pk")
    refunds = Refund.objects.filter(subscriber=subscriber).order_by("-refunded_at", "-pk")
    kept: chain[Order | Refund] = chain(
        span.of(orders, "placed_at").prefetch_related("lines__product")[:limit],
        span.of(refunds, "refunded_at").prefetch_related("lines__product")[:limit],
    )
    currency = shop_currency()
    told = [_told(one, currency) for one in kept]
    told += [
        _told_status(event)
        for event in span.of(_became(subscriber), "occurred_at").order_by("-occurred_at", "-pk")[:limit]
    ]
    return iter(sorted(told, key=lambda entry: entry.at, reverse=True)[:limit])


def _count(subscriber: Subscriber) -> int:
    mine = {"subscriber": subscriber}
    return Order.objects.filter(**mine).count() + Refund.objects.filter(**mine).count() + _became(subscriber).count()


TIMELINE = TimelineSource(key="orders", label=_("Orders"), entries=_entries, count=_count, order=20)


def _told_carts(subscriber: Subscriber) -> QuerySet[Cart]:
    """Without those we know of by their order alone, which says all there is to say."""
    return Cart.objects.filter(subscriber=subscriber).exclude(state=CartState.ORDERED, lines__isnull=True)


def _carts(subscriber: Subscriber, limit: int, span: Span) -> Iterator[TimelineEntry]:
    """A cart is one entry at its last change; the events of its changes are for rules, not for reading."""
    currency = shop_currency()
    carts = span.of(_told_carts(subscriber), "last_activity_at").order_by("-last_activity_at", "-pk")
    for cart in carts.select_related("order").prefetch_related("lines__product")[:limit]:
        lines = list(cart.lines.all())
        icon, verb = _said(cart)
        yield TimelineEntry(
            at=cart.last_activity_at,
            kind="cart",
            icon=icon,
            verb=verb,
            text=money(cart.total, currency) if lines else "",
            detail=cart.key if cart.order is None else _told_order(cart.order),
            lines=_shown(lines, currency),
        )


def _said(cart: Cart) -> tuple[str, Any]:
    if cart.state == CartState.ORDERED:
        return "shopping_cart_checkout", _("Filled a cart and ordered it")
    if cart.state == CartState.EMPTIED:
        return "remove_shopping_cart", _("Emptied their cart")
    if cart.checkout_at is not None:
        return "shopping_cart_checkout", _("Began to pay")
    return "shopping_cart", _("Put into the cart")


def _told_order(order: Order) -> str:
    return gettext("Order %s") % order.number


CARTS = TimelineSource(
    key="carts",
    label=_("Carts"),
    entries=_carts,
    count=lambda subscriber: _told_carts(subscriber).count(),
    order=25,
)
