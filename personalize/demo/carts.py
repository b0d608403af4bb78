"""Carts of the demo shop's last two months: some became orders, some were emptied, some were left.

A few people of the cast left theirs a few hours ago, so that there is somebody to remind.
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass

from personalize.demo.catalogue import Product
from personalize.demo.orders import Line, Order
from personalize.demo.people import Person

DAYS = 60
# Of how many orders the cart is known.
ORDERED = 0.2
# Who left what, and how many minutes ago.
LEFT = (
    ("ann.whitaker@post.example", 175, ("POT-11", "MUG-11", "TAP-11")),
    ("priyanka.rao@work.example", 205, ("TAP-21", "CAK-11")),
    ("olivia@hartley.example", 240, ("TAP-11",)),
    ("noah.a@work.example", 310, ("THR-21", "MUG-31")),
)


EMPTIED = "fergus.mc@island.example"


@dataclass(frozen=True)
class Cart:
    """``order`` is the number of the order it became; ``emptied_at`` when it was emptied. ``fresh`` ones are news."""

    key: str
    email: str
    at: dt.datetime
    lines: tuple[Line, ...]
    order: str = ""
    emptied_at: dt.datetime | None = None
    fresh: bool = False


def carts(
    rng: random.Random, *, shelf: list[Product], people: list[Person], orders: list[Order], now: dt.datetime
) -> list[Cart]:
    """The carts in the order of their times; nothing lies after ``now``."""
    products = [product for product in shelf if product.active]
    found = [
        Cart(f"B{order.number}", order.email, order.placed_at - dt.timedelta(minutes=rng.randrange(2, 50)), order.lines,
             order=order.number)
        for order in orders
        if order.email and now - order.placed_at < dt.timedelta(days=DAYS) and rng.random() < ORDERED
    ]  # fmt: skip
    known = {email for email, _, _ in LEFT}
    for number, person in enumerate(people, start=1):
        if person.email in known or (rng.random() > 0.06 and person.email != EMPTIED):
            continue
        at = (now - dt.timedelta(minutes=rng.randrange(1, DAYS) * 24 * 60 - rng.randrange(600))).replace(microsecond=0)
        if at <= person.created_at:
            continue
        emptied = (
            at + dt.timedelta(minutes=rng.randrange(3, 90)) if rng.random() < 0.3 or person.email == EMPTIED else None
        )
        found.append(Cart(f"B{number:05d}", person.email, at, _lines(rng, products), emptied_at=emptied))
    prices = {product.code: product.price for product in shelf}
    for number, (email, minutes, codes) in enumerate(LEFT, start=1):
        lines = tuple(Line(code, 1, prices[code]) for code in codes)
        at = (now - dt.timedelta(minutes=minutes)).replace(microsecond=0)
        found.append(Cart(f"BASKET-{number}", email, at, lines, fresh=True))
    return sorted(found, key=lambda cart: (cart.at, cart.key))


def _lines(rng: random.Random, products: list[Product]) -> tuple[Line, ...]:
    chosen = rng.sample(products, rng.choices((1, 2, 3), (60, 28, 12))[0])
    return tuple(Line(product.code, rng.choices((1, 2, 4), (80, 15, 5))[0], product.price) for product in chosen)
