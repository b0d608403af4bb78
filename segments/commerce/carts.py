"""Carts as they are now, written set-based, and what each change says the person did.

A word older than the last one changes nothing. A cart that became an order is closed for good: what a shop still says of
it, such as that it was emptied, is the order's echo.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from personalize.core.copy import insert_rows
from segments.commerce.ledger import Lines
from segments.commerce.models import Cart, CartLine, CartState, Product
from segments.commerce.types import CartRow
from segments.events.types import NewEvent

_CHANGING = ["subscriber", "state", "total", "url", "last_activity_at", "checkout_at", "updated_at"]


@dataclass(frozen=True)
class Word:
    """What a shop says of one cart, checked: the row, its lines in stored units, and the person where they are known."""

    row: CartRow
    lines: Lines
    person: int | None

    @property
    def total(self) -> int:
        return sum(quantity * price for _code, quantity, price in self.lines)


@dataclass
class Written:
    """What was written, and what people did by it."""

    created: int
    updated: int
    events: list[NewEvent]


def write(source: str, words: Sequence[Word], *, now: dt.datetime, historic: bool) -> Written:
    """Store one word about each of several carts, and tell the events of people who are known."""
    made = _begin(source, words, now)
    carts = {
        cart.key: cart
        for cart in Cart.objects.select_for_update()
        .filter(source=source, key__in=[word.row.key for word in words])
        .order_by("key")
    }
    stored = _lines_of(carts.values())
    written = Written(created=len(made & {cart.uuid for cart in carts.values()}), updated=0, events=[])
    new_lines: list[tuple[Cart, Lines]] = []
    changed: list[Cart] = []
    for word in words:
        cart = carts[word.row.key]
        fresh = cart.uuid in made
        before = (cart.subscriber_id, cart.state, cart.last_activity_at, cart.checkout_at, cart.url, stored[cart.pk])
        if not fresh and (cart.state == CartState.ORDERED or word.row.at < cart.last_activity_at):
            continue
        written.events += _events(source, cart, word, fresh=fresh, had_lines=bool(stored[cart.pk]), historic=historic)
        _take(cart, word, now)
        after = (cart.subscriber_id, cart.state, cart.last_activity_at, cart.checkout_at, cart.url, word.lines)
        if fresh or before != after:
            changed.append(cart)
            written.updated += not fresh
        if stored[cart.pk] != word.lines:
            new_lines.append((cart, word.lines))
    Cart.objects.bulk_update(changed, _CHANGING)
    _replace_lines(new_lines)
    return written


def close(source: str, orders: Mapping[str, tuple[int, int | None, dt.datetime]], now: dt.datetime) -> None:
    """Mark the carts of these keys as ordered; the values are order id, person and when it was placed.

    A cart nobody has told us of yet is noted as ordered all the same: its own news, which are late, must not look like a
    cart left behind.
    """
    Cart.objects.bulk_create(
        [
            Cart(source=source, key=key, started_at=placed_at, last_activity_at=placed_at, updated_at=now)
            for key, (_order, _person, placed_at) in sorted(orders.items())
        ],
        ignore_conflicts=True,
    )
    open_ = Cart.objects.select_for_update().filter(~Q(state=CartState.ORDERED), source=source, key__in=orders)
    carts = list(open_.order_by("key"))
    for cart in carts:
        cart.order_id, person, _placed_at = orders[cart.key]
        cart.state = CartState.ORDERED
        cart.subscriber_id = cart.subscriber_id or person
        cart.updated_at = now
    Cart.objects.bulk_update(carts, ["order", "state", "subscriber", "updated_at"])


def _begin(source: str, words: Sequence[Word], now: dt.datetime) -> set[Any]:
    """Insert the carts that are new, so that every cart of ``words`` can be locked; returns the marks of ours."""
    heads = [
        Cart(
            source=source,
            key=word.row.key,
            started_at=word.row.at,
            last_activity_at=word.row.at,
            updated_at=now,
            state=CartState.EMPTIED,
        )
        for word in sorted(words, key=lambda word: word.row.key)
    ]
    Cart.objects.bulk_create(heads, ignore_conflicts=True)
    return {head.uuid for head in heads}


def _take(cart: Cart, word: Word, now: dt.datetime) -> None:
    """Set on the cart in memory what the word says; it never loses its person because a word does not name them."""
    cart.subscriber_id = word.person or cart.subscriber_id
    cart.state = CartState.ACTIVE if word.lines else CartState.EMPTIED
    cart.total = word.total
    cart.url = word.row.url or cart.url
    cart.last_activity_at = word.row.at
    if word.row.checkout and cart.checkout_at is None:
        cart.checkout_at = word.row.at
    cart.updated_at = now


def _events(source: str, cart: Cart, word: Word, *, fresh: bool, had_lines: bool, historic: bool) -> list[NewEvent]:
    """What the person did. The time of the activity is part of the key, so that the same word twice is one event."""
    person = word.person or cart.subscriber_id
    if person is None:
        return []
    names = []
    if word.lines:
        names.append("cart_updated")
    elif had_lines:
        names.append("cart_emptied")
    adopted = cart.subscriber_id is None
    if word.row.checkout and word.lines and (fresh or adopted or cart.checkout_at is None):
        names.append("checkout_started")
    at = word.row.at.astimezone(dt.UTC)
    return [
        NewEvent(
            subscriber_id=person,
            name=name,
            subject=cart.key,
            occurred_at=at,
            source=source,
            idempotency_key=f"{name}:{cart.key}:{at.isoformat()}",
            properties=_properties(word),
            amount=word.total,
            historic=historic,
        )
        for name in names
    ]


def _properties(word: Word) -> dict[str, Any]:
    """What the event keeps of the cart: the codes, for rules, and the lines with prices in ten-thousandths."""
    return {
        "products": list(dict.fromkeys(code for code, _quantity, _price in word.lines)),
        "lines": len(word.lines),
        "items": [{"product": code, "quantity": quantity, "unit_price": price} for code, quantity, price in word.lines],
    }


def _lines_of(carts: Any) -> dict[int, Lines]:
    lines: dict[int, Lines] = {cart.pk: () for cart in carts}
    found = CartLine.objects.filter(cart__in=list(lines)).order_by("cart", "position")
    for cart, code, quantity, price in found.values_list("cart_id", "code", "quantity", "unit_price"):
        lines[cart] = (*lines[cart], (code, quantity, price))
    return lines


def _replace_lines(wanted: Sequence[tuple[Cart, Lines]]) -> None:
    CartLine.objects.filter(cart__in=[cart.pk for cart, _lines in wanted]).delete()
    codes = {code for _cart, lines in wanted for code, _quantity, _price in lines}
    products = dict(Product.objects.filter(code__in=codes).values_list("code", "pk"))
    insert_rows(
        CartLine,
        ["cart_id", "position", "product_id", "code", "quantity", "unit_price", "amount"],
        [
            (cart.pk, position, products.get(code), code, quantity, price, quantity * price)
            for cart, lines in wanted
            for position, (code, quantity, price) in enumerate(lines, start=1)
        ],
    )
