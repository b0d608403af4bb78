"""What is asked of recommendations and what they answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Recipe: TypeAlias = Literal["bought_together", "popular"]


@dataclass(frozen=True)
class ProductRequest:
    """What one block of a mail asks for.

    ``fallback`` "popular" fills the places the recipe leaves empty. ``in_stock`` leaves out what is known to be sold out,
    ``not_bought`` what the person ever bought; products no longer for sale are always left out. ``category`` limits to
    one category, compared without regard to case; empty means all.
    """

    recipe: Recipe
    limit: int
    fallback: Literal["popular", "none"] = "popular"
    in_stock: bool = True
    not_bought: bool = True
    category: str = ""


@dataclass(frozen=True)
class Recommendation:
    """A product for a person: its place from 1, the rung of the ladder it came from, and why, in a plain sentence.

    ``score`` is the number of orders in common for "bought_together", the decayed number of orders for "popular".
    """

    product_id: int
    code: str
    rank: int
    score: float
    rung: Recipe
    reason: str
