"""Between the shop's decimals and the stored integers: ten-thousandths of the currency's main unit."""

from __future__ import annotations

from decimal import Decimal

SCALE = 10_000
# What a bigint column holds, with room for sums.
LIMIT = 10**17


def units(amount: Decimal) -> int | None:
    """Ten-thousandths of ``amount``; None when it is no number, finer than that or beyond all reason."""
    if not amount.is_finite() or abs(amount) > LIMIT // SCALE:
        return None
    scaled = amount * SCALE
    whole = int(scaled)
    return whole if whole == scaled else None


def main_units(stored: int) -> Decimal:
    """The amount in main units, such as Decimal("2.55")."""
    return Decimal(stored) / SCALE
