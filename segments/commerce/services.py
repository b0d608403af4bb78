"""Storing what the shop sells and sold. The same again changes nothing; an order is replaced whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext as _

from personalize.core import clock
from personalize.core.addresses import BadAddress, address_key, normalise
from personalize.core.database import fold
from segments.commerce import ledger
from segments.commerce.ledger import Document
from segments.commerce.models import Order, OrderLine, OrderStatus, Product, RefundLine
from segments.commerce.money import LIMIT, units
from segments.commerce.types import LineRow, OrderRow, ProductRow, RefundRow, RefusedItem, StoreResult
from segments.events.services import record_events
from segments.events.types import NewEvent
from segments.subscribers.models import ExternalId, Subscriber
from segments.subscribers.profile import clean_text

SLICE = 1000
_PRODUCT_TEXTS = {"title": 255, "description": 10_000, "url": 1000, "image_url": 1000, "category": 120, "brand": 120}
_MAX_INT = 2**31 - 1

Row = OrderRow | RefundRow


def store_products(*, rows: Sequence[ProductRow]) -> StoreResult:
    """Create and change products by code. Lines sold under a code that was unknown until now find their product."""
    refused: list[RefusedItem] = []
    wanted: dict[str, dict[str, Any]] = {}
    for index, row in enumerate(rows):
        columns = _product_columns(row)
        if isinstance(columns, str):
            refused.append(RefusedItem(index, columns))
        else:
            wanted[row.code] = {**wanted.get(row.code, {}), **columns}
    created = updated = 0
    with transaction.atomic():
        codes = list(wanted)
        for start in range(0, len(codes), SLICE):
            made, changed = _write_products({code: wanted[code] for code in codes[start : start + SLICE]})
            created += made
            updated += changed
    return StoreResult(created, updated, len(wanted) - created - updated, refused)


def store_orders(
    *, rows: Sequence[OrderRow], source: str = "shop", customer_source: str = "", historic: bool = False
) -> StoreResult:
    """Store orders by (source, number) and record ``order_placed`` for known customers.

    ``customer_source`` names the system whose ids ``customer_id`` holds and defaults to ``source``. An order whose
    customer nobody knows is stored without a person. ``historic`` orders are evidence and never trigger.
    """
    return _store(ledger.ORDERS, rows, source, customer_source or source, historic)


def store_refunds(
    *, rows: Sequence[RefundRow], source: str = "shop", customer_source: str = "", historic: bool = False
) -> StoreResult:
    """Store refunds by (source, number) and record ``order_refunded``; arguments as for ``store_orders``."""
    return _store(ledger.REFUNDS, rows, source, customer_source or source, historic)


def _product_columns(row: ProductRow) -> dict[str, Any] | str:
    """The columns that the row sets, or why it is refused."""
    if not row.code or len(row.code) > 64 or clean_text(row.code) != row.code:
        return _("The product code is empty, longer than 64 characters or has invisible marks.")
    columns: dict[str, Any] = {}
    for name, limit in _PRODUCT_TEXTS.items():
        text = getattr(row, name)
        if text is None:
            continue
        text = clean_text(text)
        if len(text) > limit:
            return _("%(field)s is longer than %(limit)d characters.") % {"field": name, "limit": limit}
        if text and name in ("url", "image_url") and not text.startswith(("https://", "http://")):
            return _("%s is not an address that starts with https://.") % name
        columns[name] = text
        if name in ("category", "brand"):
            columns[f"{name}_folded"] = fold(text)[:limit]
    if row.price is not None:
        columns["price"] = units(row.price)
        if columns["price"] is None or columns["price"] < 0:
            return _("The price %s is not an amount of money.") % row.price
    if row.stock is not None:
        if abs(row.stock) > _MAX_INT:
            return _("The stock %d is beyond all reason.") % row.stock
        columns["stock"] = row.stock
    if row.active is not None:
        columns["active"] = row.active
    return columns


def _write_products(wanted: Mapping[str, dict[str, Any]]) -> tuple[int, int]:
    now = clock.now()
    stored = {product.code: product for product in Product.objects.select_for_update().filter(code__in=wanted)}
    new: list[Product] = []
    changed: list[Product] = []
    for code, columns in wanted.items():
        product = stored.get(code) or Product(code=code, created_at=now)
        columns["title"] = columns.get("title", product.title) or code
        differing = [name for name, value in columns.items() if getattr(product, name) != value]
        for name in differing:
            setattr(product, name, columns[name])
        if differing:
            product.updated_at = now
            (changed if product.pk else new).append(product)
    columns_of_products = [*_PRODUCT_TEXTS, "category_folded", "brand_folded", "price", "stock", "active", "updated_at"]
    Product.objects.bulk_create(new, update_conflicts=True, unique_fields=["code"], update_fields=columns_of_products)
    Product.objects.bulk_update(changed, columns_of_products)
    found = Product.objects.filter(code=OuterRef("code")).values("pk")[:1]
    for lines in (OrderLine, RefundLine):
        lines._default_manager.filter(code__in=[product.code for product in new], product__isnull=True).update(
            product=Subquery(found)
        )
    return len(new), len(changed)


def _store(
    kind: ledger.Ledger,
    rows: Sequence[Row],
    source: str,
    customer_source: str,
    historic: bool,
) -> StoreResult:
    """Check, resolve, write and record; the last of two rows with one number wins."""
    created = written = 0
    refused: list[RefusedItem] = []
    unknown: list[int] = []
    last = {row.number: index for index, row in enumerate(rows)}
    good = 0
    with transaction.atomic():
        now = clock.now()
        for start in range(0, len(rows), SLICE):
            slice_ = [
                (index, row)
                for index, row in enumerate(rows[start : start + SLICE], start=start)
                if last[row.number] == index
            ]
            people = _people([row for _index, row in slice_], customer_source)
            orders = _orders([row for _index, row in slice_], source)
            documents = []
            for index, row in slice_:
                lines = _lines(row)
                if isinstance(lines, str):
                    refused.append(RefusedItem(index, lines))
                    continue
                person = people.get(_customer(row))
                if person is None and any(_customer(row)):
                    unknown.append(index)
                documents.append(_document(row, lines, person, orders))
            good += len(documents)
            outcome = ledger.write(kind, source, documents, now)
            created += outcome.created
            written += len(outcome.documents)
            numbers = {pk: number for number, pk in orders.items()}
            record_events(
                events=[
                    _event(kind, source, document, document.subscriber_id, historic, numbers)
                    for document in outcome.documents
                    if document.subscriber_id is not None
                ]
            )
    return StoreResult(created, written - created, good - written, refused, unknown)


def _document(row: Row, lines: ledger.Lines, person: int | None, orders: Mapping[str, int]) -> Document:
    if isinstance(row, OrderRow):
        return Document(row.number, row.placed_at, person, row.status, lines)
    return Document(row.number, row.refunded_at, person, orders.get(row.order_number), lines)


def _lines(row: Row) -> ledger.Lines | str:
    """The lines in stored units, or why the row is refused."""
    if not row.number or len(row.number) > 64 or clean_text(row.number) != row.number:
        return _("The number is empty, longer than 64 characters or has invisible marks.")
    if isinstance(row, OrderRow) and row.status not in OrderStatus.values:
        return _("%s is not a status of an order.") % row.status
    if not row.lines:
        return _("There are no lines.")
    found = []
    for line in row.lines:
        reason, price = _line_problem(line)
        if price is None:
            return reason
        found.append((line.code, line.quantity, price))
    return tuple(found)


def _line_problem(line: LineRow) -> tuple[str, int | None]:
    if not line.code or len(line.code) > 64 or clean_text(line.code) != line.code:
        return _("A product code is empty, longer than 64 characters or has invisible marks."), None
    price = units(line.unit_price)
    if price is None:
        return _("The price %s is not an amount of money.") % line.unit_price, None
    if abs(line.quantity) > _MAX_INT or abs(line.quantity * price) > LIMIT:
        return _("The amount %(quantity)d × %(price)s is beyond all reason.") % {
            "quantity": line.quantity,
            "price": line.unit_price,
        }, None
    return "", price


def _customer(row: Row) -> tuple[str, str]:
    return row.customer_id, row.email


def _people(rows: Sequence[Row], customer_source: str) -> dict[tuple[str, str], int]:
    """The ids of known, present people by (customer id, address); the id decides where both are given."""
    present = Subscriber.objects.present()
    by_id = dict(
        ExternalId.objects.filter(
            source=customer_source,
            value__in={row.customer_id for row in rows if row.customer_id},
            subscriber__in=present,
        ).values_list("value", "subscriber_id")
    )
    keys: dict[str, str] = {}
    for address in {row.email for row in rows if row.email}:
        try:
            keys[address] = address_key(normalise(address))
        except BadAddress:
            continue  # Nobody is known by what is not an address.
    by_key = dict(present.filter(address_key__in=keys.values()).values_list("address_key", "pk"))
    found: dict[tuple[str, str], int] = {}
    for row in rows:
        person = by_id.get(row.customer_id) or by_key.get(keys.get(row.email, ""))
        if person is not None:
            found[_customer(row)] = person
    return found


def _orders(rows: Sequence[Row], source: str) -> dict[str, int]:
    """The orders that refunds name, by number."""
    named = {row.order_number for row in rows if isinstance(row, RefundRow) and row.order_number}
    return dict(Order.objects.filter(source=source, number__in=named).values_list("number", "pk")) if named else {}


def _event(
    kind: ledger.Ledger, source: str, document: Document, person: int, historic: bool, orders: Mapping[int, str]
) -> NewEvent:
    codes = list(dict.fromkeys(code for code, _quantity, _price in document.lines))
    placed = kind is ledger.ORDERS
    return NewEvent(
        subscriber_id=person,
        name="order_placed" if placed else "order_refunded",
        subject=document.number if placed else orders.get(document.own, document.number),
        occurred_at=document.at,
        source=source,
        idempotency_key=f"{'order' if placed else 'refund'}:{document.number}",
        properties={"products": codes, "lines": len(document.lines)},
        amount=document.total,
        historic=historic,
    )
