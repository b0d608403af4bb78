"""The demo shop as plain facts: the same every time for the same number of people and the same instant.

Nothing here knows a database; ``services.seed`` stores it.
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass

from personalize.demo.carts import Cart, carts
from personalize.demo.catalogue import Product, products
from personalize.demo.orders import Order, Refund, trade
from personalize.demo.people import CAST, Person, people

SEED = 1837
SUBSCRIBERS = 2000


@dataclass(frozen=True)
class Visit:
    """Somebody looked at a product on the shop's site."""

    email: str
    code: str
    at: dt.datetime


@dataclass(frozen=True)
class Shop:
    products: list[Product]
    people: list[Person]
    orders: list[Order]
    refunds: list[Refund]
    visits: list[Visit]
    carts: list[Cart]


def _visits(rng: random.Random, shop: list[Product], crowd: list[Person], now: dt.datetime) -> list[Visit]:
    """A month of looking around by one person in eight; Ann looked at the hanging heart twice last evening."""
    evening = (now - dt.timedelta(days=1)).replace(hour=20, minute=47, second=0, microsecond=0)
    visits = [
        Visit(CAST[0].email, "HEA-11", evening),
        Visit(CAST[0].email, "HEA-11", evening + dt.timedelta(minutes=9)),
    ]
    for person in crowd:
        if rng.random() < 0.12:
            shelf = [product for product in shop if product.active and product.category in person.tastes]
            for _ in range(rng.randrange(1, 5)):
                at = now - dt.timedelta(seconds=rng.randrange(600, 30 * 86_400))
                if at > person.created_at:
                    visits.append(Visit(person.email, rng.choice(shelf).code, at.replace(microsecond=0)))
    return sorted(visits, key=lambda visit: (visit.at, visit.email))


def generate(*, subscribers: int = SUBSCRIBERS, now: dt.datetime) -> Shop:
    """Make the shop as it stands at ``now``: ``subscribers`` people (never fewer than the cast) and a year of trade."""
    rng = random.Random(SEED)  # noqa: S311  The same shop for everybody; nothing here is a secret.
    shelf = products()
    crowd = people(rng, count=subscribers, now=now)
    orders, refunds = trade(rng, products=shelf, people=crowd, now=now)
    visits = _visits(rng, shelf, crowd[len(CAST) :], now)
    left = carts(rng, shelf=shelf, people=crowd, orders=orders, now=now)
    return Shop(shelf, crowd, orders, refunds, visits, left)
