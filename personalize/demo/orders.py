"""A year of the demo shop's trade, with the structure that makes recommendations worth looking at.

People keep to one or two categories; things that belong together are bought together; few people buy often and most buy
once or never; November and December are as busy as the four months before them; some things come back.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterable
from dataclasses import dataclass

from personalize.demo.catalogue import FAMILIES, PARTNERS, Product
from personalize.demo.people import CAST, Person

# How much is bought in each month, January first.
SEASON = (0.8, 0.7, 0.8, 0.8, 0.8, 0.7, 0.6, 0.7, 0.9, 1.2, 2.2, 2.4)
_CATEGORY_SEASON = {
    "Garden": (0.4, 0.7, 1.6, 2.4, 2.4, 1.8, 1.2, 0.9, 0.8, 0.5, 0.3, 0.4),
    "Candles": (1.2, 1.0, 0.8, 0.6, 0.5, 0.4, 0.4, 0.6, 1.0, 1.4, 1.8, 1.8),
    "Textiles": (1.3, 1.2, 0.9, 0.7, 0.5, 0.4, 0.4, 0.6, 1.0, 1.4, 1.5, 1.4),
}
_EVEN = (1.0,) * 12

# What Ann bought, as everybody who looks at her page remembers it: days ago, codes with quantities; £412.60 in all.
ANN = (
    (612, (("TAP-11", 2, 1200), ("VASE-11", 1, 2200))),
    (520, (("LAN-21", 1, 3900),)),
    (410, (("HEA-31", 2, 760), ("STI-11", 1, 2600))),
    (310, (("POT-11", 1, 4800), ("TAP-21", 1, 1240))),
    (256, (("THR-21", 1, 7800), ("HEA-21", 1, 1000))),
    (150, (("PLA-21", 2, 1950), ("PLA-31", 1, 2100), ("TAP-31", 1, 1400))),
    (57, (("CAK-11", 1, 4200), ("VASE-21", 1, 2200))),
)


# How far back it is known when parcels went out and arrived, and how long after the order that is.
TOLD = dt.timedelta(days=60)
_AFTER = {
    "paid": dt.timedelta(minutes=1),
    "fulfilled": dt.timedelta(days=1),
    "delivered": dt.timedelta(days=3, hours=20),
}


@dataclass(frozen=True)
class Line:
    """``unit_price`` in pence."""

    code: str
    quantity: int
    unit_price: int


@dataclass(frozen=True)
class Order:
    """``email`` is empty for a guest."""

    number: str
    email: str
    placed_at: dt.datetime
    status: str
    lines: tuple[Line, ...]

    def told(self, now: dt.datetime) -> list[tuple[str, dt.datetime]]:
        """What the shop said of a recent order, and when: that it was paid, sent out, and had arrived."""
        if now - self.placed_at > TOLD or self.status not in _AFTER:
            return []
        steps = list(_AFTER)[: list(_AFTER).index(self.status) + 1]
        return [(status, min(self.placed_at + _AFTER[status], now)) for status in steps]


@dataclass(frozen=True)
class Refund:
    number: str
    order: str
    email: str
    refunded_at: dt.datetime
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class _Draft:
    email: str
    placed_at: dt.datetime
    lines: tuple[Line, ...]


class Shelves:
    """Draws products: by category and season, the liked ones more often."""

    def __init__(self, products: list[Product]) -> None:
        self._by_code = {product.code: product for product in products}
        self._families: dict[str, list[Product]] = {}
        for product in products:
            self._families.setdefault(product.family, []).append(product)
        self._categories: dict[str, list[str]] = {}
        for family in FAMILIES:
            self._categories.setdefault(family.category, []).append(family.key)

    def basket(self, rng: random.Random, tastes: tuple[str, ...], at: dt.datetime) -> tuple[Line, ...]:
        """What somebody with these tastes takes to the till at that time of the year."""
        chosen: dict[str, int] = {}
        for _ in range(rng.choices((1, 2, 3, 4), (55, 28, 12, 5))[0]):
            first = self._draw(rng, self._category(rng, tastes, at))
            chosen[first.code] = chosen.get(first.code, 0) + rng.choices((1, 2, 4, 6), (78, 14, 5, 3))[0]
            for family, chance in PARTNERS[first.family]:
                if rng.random() < chance:
                    # The partner comes in its plain size, so that the same two products meet again and again.
                    chosen.setdefault(f"{family}-{first.edition + 1}1", 1)
        return tuple(Line(code, quantity, self._by_code[code].price) for code, quantity in chosen.items())

    def _category(self, rng: random.Random, tastes: tuple[str, ...], at: dt.datetime) -> str:
        names = list(self._categories)
        weights = [
            (10.0 if name == tastes[0] else 5.0 if name in tastes else 0.6)
            * _CATEGORY_SEASON.get(name, _EVEN)[at.month - 1]
            for name in names
        ]
        return rng.choices(names, weights)[0]

    def _draw(self, rng: random.Random, category: str) -> Product:
        shelf = self._families[rng.choice(self._categories[category])]
        return rng.choices(shelf, [product.weight for product in shelf])[0]


def _days_by_season(now: dt.datetime) -> tuple[list[int], list[float]]:
    days = list(range(1, 366))
    return days, [SEASON[(now - dt.timedelta(days=day)).month - 1] for day in days]


def _at(rng: random.Random, now: dt.datetime, days: int) -> dt.datetime:
    """``days`` days before ``now`` at an hour of the evening or the lunch break."""
    hour = rng.choices(range(24), (1, 0, 0, 0, 0, 1, 3, 5, 6, 6, 6, 7, 9, 7, 5, 5, 6, 7, 9, 12, 14, 11, 6, 3))[0]
    moment = (now - dt.timedelta(days=days)).replace(hour=hour, minute=rng.randrange(60), second=rng.randrange(60))
    return min(moment.replace(microsecond=0), now - dt.timedelta(minutes=2))


def _by_heart(rng: random.Random, shelves: Shelves, cast: Iterable[Person], now: dt.datetime) -> list[_Draft]:
    drafts = []
    for role, person in zip(CAST, cast, strict=False):
        if role.first_name == "Ann":
            drafts += [
                _Draft(person.email, _at(rng, now, days), tuple(Line(*line) for line in lines)) for days, lines in ANN
            ]
            continue
        for position in range(role.orders):
            span = max(role.joined - role.last_order - 1, 1)
            days = role.last_order + span * position // role.orders
            at = _at(rng, now, days)
            drafts.append(_Draft(person.email, at, shelves.basket(rng, person.tastes, at)))
    return drafts


def _crowd(rng: random.Random, shelves: Shelves, crowd: Iterable[Person], now: dt.datetime) -> list[_Draft]:
    days, weights = _days_by_season(now)
    drafts = []
    for person in crowd:
        # A third never bought; of the rest most bought once, and one in a hundred more often than twenty times.
        if rng.random() < 0.34:
            continue
        for _ in range(min(int(rng.paretovariate(1.25)), 40)):
            day = rng.choices(days, weights)[0]
            at = _at(rng, now, day)
            if at > person.created_at - dt.timedelta(days=1):
                drafts.append(_Draft(person.email, at, shelves.basket(rng, person.tastes, at)))
    return drafts


def _guests(rng: random.Random, shelves: Shelves, count: int, now: dt.datetime) -> list[_Draft]:
    days, weights = _days_by_season(now)
    categories = tuple(dict.fromkeys(family.category for family in FAMILIES))
    drafts = []
    for _ in range(count):
        at = _at(rng, now, rng.choices(days, weights)[0])
        tastes = (rng.choice(categories), rng.choice(categories))
        drafts.append(_Draft("", at, shelves.basket(rng, tastes, at)))
    return drafts


def _status(rng: random.Random, age: dt.timedelta, by_heart: bool) -> str:
    if age < dt.timedelta(days=1):
        return "paid"
    if age < dt.timedelta(days=4):
        return "fulfilled"
    return "cancelled" if rng.random() < 0.015 and not by_heart else "delivered"


def trade(
    rng: random.Random, *, products: list[Product], people: list[Person], now: dt.datetime
) -> tuple[list[Order], list[Refund]]:
    """Orders in the order of their dates, and the refunds of some of them; nothing lies after ``now``."""
    shelves = Shelves([product for product in products if product.active])
    cast, crowd = people[: len(CAST)], people[len(CAST) :]
    drafts = _by_heart(rng, shelves, cast, now) + _crowd(rng, shelves, crowd, now)
    drafts += _guests(rng, shelves, len(drafts) // 6, now)
    drafts.sort(key=lambda draft: (draft.placed_at, draft.email))
    known = {person.email for person in cast}
    orders, refunds = [], []
    for number, draft in enumerate(drafts, start=10_001):
        by_heart = draft.email in known
        status = _status(rng, now - draft.placed_at, by_heart)
        order = Order(str(number), draft.email, draft.placed_at, status, draft.lines)
        orders.append(order)
        returned = draft.placed_at + dt.timedelta(days=rng.randrange(5, 25), hours=rng.randrange(12))
        if status == "delivered" and not by_heart and rng.random() < 0.04 and returned < now:
            lines = (rng.choice(draft.lines),)
            refunds.append(Refund(f"R{number}", order.number, draft.email, returned, lines))
    return orders, refunds
