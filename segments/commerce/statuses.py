"""Which status of an order may follow which, in one table."""

from __future__ import annotations

from segments.commerce.models import OrderStatus as S

# An order only goes forward: news come late and twice, and a late "paid" must not take a delivered order back. Steps may be
# left out. A cancelled order stays cancelled, unless its money is given back; a refunded one is at its end.
FOLLOWS: dict[str, frozenset[str]] = {
    S.PLACED: frozenset({S.PAID, S.FULFILLED, S.DELIVERED, S.CANCELLED, S.REFUNDED}),
    S.PAID: frozenset({S.FULFILLED, S.DELIVERED, S.CANCELLED, S.REFUNDED}),
    S.FULFILLED: frozenset({S.DELIVERED, S.CANCELLED, S.REFUNDED}),
    S.DELIVERED: frozenset({S.CANCELLED, S.REFUNDED}),
    S.CANCELLED: frozenset({S.REFUNDED}),
    S.REFUNDED: frozenset(),
}


def after(stored: str, given: str) -> str:
    """The status of an order that stood at ``stored`` when the shop says ``given``."""
    return given if given in FOLLOWS[stored] else stored
