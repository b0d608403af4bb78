"""The events that orders and refunds imply, each with a key that makes it one event for ever."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from segments.commerce import ledger
from segments.commerce.ledger import Document
from segments.commerce.models import Order, OrderStatus
from segments.commerce.types import OrderRow, RefundRow
from segments.events.models import Event
from segments.events.types import NewEvent


def of_orders(
    source: str, outcome: ledger.Written, rows: Mapping[str, OrderRow | RefundRow], now: dt.datetime, historic: bool
) -> list[NewEvent]:
    """That orders were placed, and what became of them since."""
    events = []
    told = _refunded_already(source, outcome.documents)
    for document in outcome.documents:
        person = document.subscriber_id
        if person is None:
            continue
        key = f"order:{document.number}"
        row = rows[document.number]
        cart = row.cart if isinstance(row, OrderRow) else ""
        placed = _event("order_placed", source, document, person, document.number, document.at, key, historic, cart)
        events.append(placed)
        before = outcome.before.get(document.number)
        is_news = before is None or before.own != document.own or before.subscriber_id is None
        changed_at = (row.changed_at if isinstance(row, OrderRow) else None) or (None if historic else now)
        if document.own == OrderStatus.PLACED or not is_news or changed_at is None or document.number in told:
            continue
        name = f"order_{document.own}"
        key = f"{name}:{document.number}"
        events.append(_event(name, source, document, person, document.number, changed_at, key, historic, cart))
    return events


def _refunded_already(source: str, documents: Sequence[Document]) -> set[str]:
    """Orders that are refunded now, and whose refunds have told so line by line."""
    numbers = [document.number for document in documents if document.own == OrderStatus.REFUNDED]
    if not numbers:
        return set()
    stored = Order.objects.filter(source=source, number__in=numbers, refunds__isnull=False)
    return set(stored.values_list("number", flat=True))


def of_refunds(source: str, outcome: ledger.Written, orders: Mapping[str, Order], historic: bool) -> list[NewEvent]:
    """That money was given back, unless the status of the whole order has told so before."""
    numbers = {order.pk: number for number, order in orders.items()}
    keys = {f"order_refunded:{number}" for number in orders}
    found = Event.objects.filter(source=source, idempotency_key__in=keys).values_list("subject", flat=True)
    told = set(found) if keys else set()
    events = []
    for document in outcome.documents:
        subject = numbers.get(document.own, document.number)
        person = document.subscriber_id
        if person is not None and subject not in told:
            key = f"refund:{document.number}"
            events.append(_event("order_refunded", source, document, person, subject, document.at, key, historic))
    return events


def _event(
    name: str,
    source: str,
    document: Document,
    person: int,
    subject: str,
    at: dt.datetime,
    key: str,
    historic: bool,
    cart: str = "",
) -> NewEvent:
    """``cart`` is the key of the cart that became the order, where the shop names it."""
    codes = list(dict.fromkeys(code for code, _quantity, _price in document.lines))
    return NewEvent(
        subscriber_id=person,
        name=name,
        subject=subject,
        occurred_at=at,
        source=source,
        idempotency_key=key,
        properties={"products": codes, "lines": len(document.lines)} | ({"cart": cart} if cart else {}),
        amount=document.total,
        historic=historic,
    )
