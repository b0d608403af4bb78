"""Products, orders and refunds as a shop gives them, and what became of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class ProductRow:
    """A product; None leaves what is stored alone, an empty text clears. Prices are in main units of the currency."""

    code: str
    title: str | None = None
    description: str | None = None
    url: str | None = None
    image_url: str | None = None
    category: str | None = None
    brand: str | None = None
    price: Decimal | None = None
    stock: int | None = None
    active: bool | None = None


@dataclass(frozen=True, slots=True)
class LineRow:
    """A line: ``unit_price`` in main units of the currency."""

    code: str
    quantity: int
    unit_price: Decimal


@dataclass(frozen=True)
class OrderRow:
    """An order as a whole. The customer is known by the id in the shop or by address; by neither it is a guest's.

    ``currency`` other than the shop's is refused; empty means the shop's. ``cart`` is the key of the cart it came from.
    ``changed_at`` is when the status became what it is; None stands for now, or in history for nobody knows.
    """

    number: str
    placed_at: dt.datetime
    lines: Sequence[LineRow]
    customer_id: str = ""
    email: str = ""
    status: str = "placed"
    currency: str = ""
    cart: str = ""
    changed_at: dt.datetime | None = None


@dataclass(frozen=True)
class CartRow:
    """A cart as it is now; no lines: it was emptied. ``at`` is the shop's time of this change.

    ``checkout`` says that the person began to pay. The customer is known as in an order.
    """

    key: str
    at: dt.datetime
    lines: Sequence[LineRow]
    customer_id: str = ""
    email: str = ""
    url: str = ""
    currency: str = ""
    checkout: bool = False


@dataclass(frozen=True)
class RefundRow:
    """Money given back; quantities and prices are positive. ``order_number`` only where the shop names the order.

    ``currency`` as in an order.
    """

    number: str
    refunded_at: dt.datetime
    lines: Sequence[LineRow]
    customer_id: str = ""
    email: str = ""
    order_number: str = ""
    currency: str = ""


@dataclass(frozen=True)
class RefusedItem:
    """A row that was not stored: its place among the rows handed in, from 0, and why."""

    index: int
    reason: str


@dataclass(frozen=True)
class StoreResult:
    """What became of the rows. ``unknown`` are the places of those whose customer nobody knows; they were stored."""

    created: int
    updated: int
    unchanged: int
    refused: Sequence[RefusedItem] = ()
    unknown: Sequence[int] = ()
