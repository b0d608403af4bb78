"""Replacing orders and refunds whole, set-based: the one way both kinds of document are written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from personalize.core.copy import insert_rows, stored_moment
from segments.commerce import statuses
from segments.commerce.models import Order, OrderLine, Product, Refund, RefundLine


@dataclass(frozen=True)
class Ledger:
    """A kind of document: its model, the model of its lines, and the names of their link, time and own columns.

    ``settle(stored, given)`` says which of two values of the own column stands.
    """

    model: type[Order] | type[Refund]
    lines: type[OrderLine] | type[RefundLine]
    parent: str
    moment: str
    own: str
    settle: Callable[[Any, Any], Any]


ORDERS = Ledger(Order, OrderLine, parent="order", moment="placed_at", own="status", settle=statuses.after)
REFUNDS = Ledger(
    Refund, RefundLine, parent="refund", moment="refunded_at", own="order_id", settle=lambda _stored, given: given
)

# code, quantity, unit price, in the order of the lines.
Lines = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Document:
    """An order or refund in stored units. ``own`` is what only its kind has: an order's status, a refund's order."""

    number: str
    at: dt.datetime
    subscriber_id: int | None
    own: Any
    lines: Lines

    @property
    def total(self) -> int:
        return sum(quantity * price for _code, quantity, price in self.lines)


@dataclass(frozen=True)
class Written:
    """What was written, and what stood there before, by number; a new document has nothing before it."""

    documents: Sequence[Document]
    before: Mapping[str, Document]

    @property
    def created(self) -> int:
        return sum(document.number not in self.before for document in self.documents)


def write(ledger: Ledger, source: str, documents: Sequence[Document], now: dt.datetime) -> Written:
    """Store the documents that are new or differ from what is stored, each replaced as a whole."""
    stored = _stored(ledger, source, [document.number for document in documents])
    # New ones are written in one order, so that two at once wait for each other instead of locking each other out.
    ordered = sorted(documents, key=lambda document: document.number)
    known = [_settled(ledger, document, stored.get(document.number)) for document in ordered]
    differing = [document for document in known if stored.get(document.number) != document]
    if not differing:
        return Written([], stored)
    heads: list[Any] = [
        ledger.model(
            source=source,
            number=document.number,
            subscriber_id=document.subscriber_id,
            total=document.total,
            updated_at=now,
            **{ledger.moment: document.at, ledger.own: document.own},
        )
        for document in differing
    ]
    manager: Any = ledger.model._default_manager
    manager.bulk_create(
        heads,
        update_conflicts=True,
        unique_fields=["source", "number"],
        update_fields=["subscriber", ledger.moment, ledger.own.removesuffix("_id"), "total", "updated_at"],
    )
    lines: Any = ledger.lines._default_manager
    lines.filter(**{f"{ledger.parent}__in": [head.pk for head in heads]}).delete()
    _write_lines(ledger, heads, differing)
    return Written(differing, stored)


def concerned(ledger: Ledger, source: str, written: Written) -> list[int]:
    """The people about whom rules may find something else now: whose documents these are and were.

    A refund counts by its order's status, and may be another's.
    """
    numbers = [document.number for document in written.documents]
    people = {document.subscriber_id for document in written.documents}
    changed = [number for number in numbers if number in written.before]
    people |= {written.before[number].subscriber_id for number in changed}
    if ledger is ORDERS and changed:
        refunds = Refund.objects.filter(order__source=source, order__number__in=changed)
        people |= set(refunds.values_list("subscriber_id", flat=True))
    return sorted(person for person in people if person is not None)


def _settled(ledger: Ledger, document: Document, stored: Document | None) -> Document:
    """A document never loses its person because a file does not know them, and its own column goes by the trade's rule."""
    if stored is None:
        return document
    person = document.subscriber_id if document.subscriber_id is not None else stored.subscriber_id
    return replace(document, subscriber_id=person, own=ledger.settle(stored.own, document.own))


def _write_lines(ledger: Ledger, heads: Sequence[Any], documents: Sequence[Document]) -> None:
    codes = {code for document in documents for code, _quantity, _price in document.lines}
    products = dict(Product.objects.filter(code__in=codes).values_list("code", "pk"))
    own = ("position", "product_id", "code", "quantity", "unit_price", "amount", "subscriber_id")
    rows = []
    for head, document in zip(heads, documents, strict=True):
        at = stored_moment(document.at)
        for position, (code, quantity, price) in enumerate(document.lines, start=1):
            line = (position, products.get(code), code, quantity, price, quantity * price, document.subscriber_id)
            rows.append((*line, head.pk, at))
    insert_rows(ledger.lines, [*own, f"{ledger.parent}_id", ledger.moment], rows)


def _stored(ledger: Ledger, source: str, numbers: Sequence[str]) -> dict[str, Document]:
    """The documents as they are stored now, locked where the database can."""
    manager: Any = ledger.model._default_manager
    heads = manager.select_for_update().filter(source=source, number__in=numbers).order_by("pk")
    rows = list(heads.values_list("pk", "number", ledger.moment, "subscriber_id", ledger.own))
    lines: dict[int, list[tuple[str, int, int]]] = {row[0]: [] for row in rows}
    line_manager: Any = ledger.lines._default_manager
    for parent, *line in (
        line_manager.filter(**{f"{ledger.parent}__in": list(lines)})
        .order_by(ledger.parent, "position")
        .values_list(f"{ledger.parent}_id", "code", "quantity", "unit_price")
    ):
        lines[parent].append(tuple(line))
    return {number: Document(number, at, subscriber, own, tuple(lines[pk])) for pk, number, at, subscriber, own in rows}
