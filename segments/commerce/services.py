"""Storing what the shop sells and sold, and what lies in its carts. The same again changes nothing.

An order, a refund and a cart are replaced whole or not at all; the bad ones are refused one by one, with the reason.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from django.db import transaction

from personalize.accounts.brand import shop_currency
from personalize.core import clock
from segments.commerce import carts, checks, customers, ledger, products
from segments.commerce.carts import Word
from segments.commerce.ledger import Document
from segments.commerce.models import Order, OrderStatus
from segments.commerce.types import CartRow, OrderRow, ProductRow, RefundRow, RefusedItem, StoreResult
from segments.events.models import Event
from segments.events.services import record_events
from segments.events.types import NewEvent

SLICE = 1000

Row = OrderRow | RefundRow


def store_products(*, rows: Sequence[ProductRow]) -> StoreResult:
    """Create and change products by code. Lines sold under a code that was unknown until now find their product."""
    refused: list[RefusedItem] = []
    wanted: dict[str, dict[str, Any]] = {}
    for index, row in enumerate(rows):
        columns = products.columns(row)
        if isinstance(columns, str):
            refused.append(RefusedItem(index, columns))
        else:
            wanted[row.code] = {**wanted.get(row.code, {}), **columns}
    created = updated = 0
    with transaction.atomic():
        codes = list(wanted)
        for start in range(0, len(codes), SLICE):
            made, changed = products.write({code: wanted[code] for code in codes[start : start + SLICE]})
            created += made
            updated += changed
    return StoreResult(created, updated, len(wanted) - created - updated, refused)


def store_orders(
    *, rows: Sequence[OrderRow], source: str = "shop", customer_source: str = "", historic: bool = False
) -> StoreResult:
    """Store orders by (source, number); record ``order_placed`` and each new status, once, for known customers.

    A status only goes forward, as ``statuses.FOLLOWS`` says. The cart that an order names is closed. ``customer_source``
    names the system whose ids ``customer_id`` holds and defaults to ``source``. An order whose customer nobody knows is
    stored without a person. ``historic`` orders are evidence and never trigger.
    """
    return _store(ledger.ORDERS, rows, source, customer_source or source, historic)


def store_refunds(
    *, rows: Sequence[RefundRow], source: str = "shop", customer_source: str = "", historic: bool = False
) -> StoreResult:
    """Store refunds by (source, number) and record ``order_refunded``; arguments as for ``store_orders``."""
    return _store(ledger.REFUNDS, rows, source, customer_source or source, historic)


def store_carts(
    *, rows: Sequence[CartRow], source: str = "shop", customer_source: str = "", historic: bool = False
) -> StoreResult:
    """Store carts by (source, key); record ``cart_updated``, ``cart_emptied`` and ``checkout_started`` for known people.

    Of several rows about one cart each counts, in the order of their times; a row older than what is stored changes
    nothing, and neither does any row about a cart that became an order. A cart without a person is kept, and theirs as
    soon as a row names them. Arguments as for ``store_orders``.
    """
    now, currency = clock.now(), shop_currency()
    refused: list[RefusedItem] = []
    unknown: list[int] = []
    people = customers.known(rows, customer_source or source)
    words: dict[str, list[Word]] = defaultdict(list)
    for index, row in sorted(enumerate(rows), key=lambda pair: (pair[1].at.timestamp(), pair[0])):
        lines = checks.cart(row, currency, now)
        if isinstance(lines, str):
            refused.append(RefusedItem(index, lines))
            continue
        person = people.get(customers.customer(row))
        if person is None and any(customers.customer(row)):
            unknown.append(index)
        words[row.key].append(Word(row, lines, person))
    created = updated = 0
    with transaction.atomic():
        for batch in _rounds(words):
            written = carts.write(source, batch, now=now, historic=historic)
            record_events(events=written.events)
            created += written.created
            updated += written.updated
    good = len(rows) - len(refused)
    return StoreResult(created, updated, good - created - updated, sorted(refused, key=_place), sorted(unknown))


def _place(item: RefusedItem) -> int:
    return item.index


def _rounds(words: Mapping[str, Sequence[Word]]) -> Iterator[list[Word]]:
    """Slices in which no cart is spoken of twice, each cart's words in their order."""
    for round_ in zip_longest(*words.values()):
        together = [word for word in round_ if word is not None]
        for start in range(0, len(together), SLICE):
            yield together[start : start + SLICE]


def _store(
    kind: ledger.Ledger,
    rows: Sequence[Row],
    source: str,
    customer_source: str,
    historic: bool,
) -> StoreResult:
    """Check, resolve, write and record; the last of two rows with one number wins."""
    now, currency = clock.now(), shop_currency()
    created = written = good = 0
    refused: list[RefusedItem] = []
    unknown: list[int] = []
    last = {row.number: index for index, row in enumerate(rows)}
    with transaction.atomic():
        for start in range(0, len(rows), SLICE):
            slice_ = {
                index: row
                for index, row in enumerate(rows[start : start + SLICE], start=start)
                if last[row.number] == index
            }
            people = customers.known(slice_.values(), customer_source)
            orders = _named_orders(slice_.values(), source)
            documents = []
            taken: dict[str, Row] = {}
            for index, row in slice_.items():
                lines = checks.document(row, currency)
                if isinstance(lines, str):
                    refused.append(RefusedItem(index, lines))
                    continue
                person = people.get(customers.customer(row))
                if person is None and any(customers.customer(row)):
                    unknown.append(index)
                documents.append(_document(row, lines, person, orders))
                taken[row.number] = row
            outcome = ledger.write(kind, source, documents, now)
            good += len(documents)
            created += outcome.created
            written += len(outcome.documents)
            if kind is ledger.ORDERS:
                _close_carts(source, taken.values(), now)
                record_events(events=_order_events(source, outcome, taken, now, historic))
            else:
                record_events(events=_refund_events(source, outcome, orders, historic))
    return StoreResult(created, written - created, good - written, refused, unknown)


def _document(row: Row, lines: ledger.Lines, person: int | None, orders: Mapping[str, int]) -> Document:
    if isinstance(row, OrderRow):
        return Document(row.number, row.placed_at, person, row.status, lines)
    return Document(row.number, row.refunded_at, person, orders.get(row.order_number), lines)


def _named_orders(rows: Iterable[Row], source: str) -> dict[str, int]:
    """The orders that refunds name, by number."""
    named = {row.order_number for row in rows if isinstance(row, RefundRow) and row.order_number}
    return dict(Order.objects.filter(source=source, number__in=named).values_list("number", "pk")) if named else {}


def _close_carts(source: str, rows: Iterable[Row], now: dt.datetime) -> None:
    """The carts that orders name became those orders."""
    wanted = {row.number: row.cart for row in rows if isinstance(row, OrderRow) and row.cart}
    if wanted:
        stored = Order.objects.filter(source=source, number__in=wanted)
        found = stored.values_list("number", "pk", "subscriber_id", "placed_at")
        carts.close(source, {wanted[number]: rest for number, *rest in found}, now)


def _order_events(
    source: str, outcome: ledger.Written, rows: Mapping[str, Row], now: dt.datetime, historic: bool
) -> list[NewEvent]:
    """That orders were placed, and what became of them since. The keys make each of it one event for ever."""
    events = []
    told = _refunded_already(source, outcome.documents)
    for document in outcome.documents:
        person = document.subscriber_id
        if person is None:
            continue
        key = f"order:{document.number}"
        events.append(_event("order_placed", source, document, person, document.number, document.at, key, historic))
        before = outcome.before.get(document.number)
        is_news = before is None or before.own != document.own or before.subscriber_id is None
        row = rows[document.number]
        changed_at = (row.changed_at if isinstance(row, OrderRow) else None) or (None if historic else now)
        if document.own == OrderStatus.PLACED or not is_news or changed_at is None or document.number in told:
            continue
        name = f"order_{document.own}"
        key = f"{name}:{document.number}"
        events.append(_event(name, source, document, person, document.number, changed_at, key, historic))
    return events


def _refunded_already(source: str, documents: Sequence[Document]) -> set[str]:
    """Orders that are refunded now, and whose refunds have told so line by line."""
    numbers = [document.number for document in documents if document.own == OrderStatus.REFUNDED]
    if not numbers:
        return set()
    stored = Order.objects.filter(source=source, number__in=numbers, refunds__isnull=False)
    return set(stored.values_list("number", flat=True))


def _refund_events(source: str, outcome: ledger.Written, orders: Mapping[str, int], historic: bool) -> list[NewEvent]:
    """That money was given back, unless the status of the whole order has told so before."""
    numbers = {pk: number for number, pk in orders.items()}
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
    name: str, source: str, document: Document, person: int, subject: str, at: dt.datetime, key: str, historic: bool
) -> NewEvent:
    codes = list(dict.fromkeys(code for code, _quantity, _price in document.lines))
    return NewEvent(
        subscriber_id=person,
        name=name,
        subject=subject,
        occurred_at=at,
        source=source,
        idempotency_key=key,
        properties={"products": codes, "lines": len(document.lines)},
        amount=document.total,
        historic=historic,
    )
