"""Choosing products for people, many at a time: the number of queries does not depend on the number of people.

**Bought together.** For each different product of a person's latest order, count the orders that hold it and the candidate;
add up over those products. **Popular.** Orders holding the candidate, each worth half for every 30 days passed. Ties go to
what was sold last, then to the lower code. Only what happened before ``as_of`` counts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from numpy.typing import NDArray

from personalize.core.database import fold
from personalize.recommendations.history import History, Ints, history, microseconds
from personalize.recommendations.types import ProductRequest, Recipe, Recommendation
from segments.commerce.models import Product

_MONTH = dt.timedelta(days=30)


def recommend(
    *, requests: dict[str, ProductRequest], subscriber_ids: Sequence[int], as_of: dt.datetime
) -> dict[str, dict[int, list[Recommendation]]]:
    """Products for each request (a block's id) and each person, best first; fewer than asked for where there are no more.

    Prices and stock are those of now, purchases those before ``as_of``.
    """
    past = history(as_of)
    catalogue = _Catalogue.of(past)
    together = _Together(past, subscriber_ids) if _wants(requests, "bought_together") else None
    popular = _Popular(past, catalogue, as_of)
    answer: dict[str, dict[int, list[Recommendation]]] = {}
    for block, request in requests.items():
        eligible = catalogue.eligible(request)
        ranking = popular.ranking(eligible)
        answer[block] = {}
        for place, subscriber_id in enumerate(subscriber_ids):
            bought = past.products_in(past.orders_of(subscriber_id)) if request.not_bought else np.zeros(0, np.int64)
            chosen: list[Recommendation] = []
            if together and request.recipe == "bought_together":
                chosen = together.best(place, request.limit, eligible, bought, catalogue)
            if request.recipe == "popular" or request.fallback == "popular":
                chosen += popular.best(ranking, request.limit, chosen, bought)
            answer[block][subscriber_id] = chosen
    return answer


def _wants(requests: dict[str, ProductRequest], recipe: Recipe) -> bool:
    return any(request.recipe == recipe for request in requests.values())


@dataclass(frozen=True)
class _Catalogue:
    """What the catalogue says now about the products of a history, column by column."""

    ids: Ints
    codes: list[str]
    titles: list[str]
    categories: list[str]
    for_sale: NDArray[np.bool_]
    in_stock: NDArray[np.bool_]
    tie_rank: Ints

    @classmethod
    def of(cls, past: History) -> _Catalogue:
        columns = ("pk", "code", "title", "category_folded", "active", "stock")
        rows = {row[0]: row for row in Product.objects.order_by().values_list(*columns)}
        # A product deleted since stays a column, so that the numbers hold, but is never for sale.
        gone = (0, "", "", "", False, 0)
        found = [rows.get(int(pk), gone) for pk in past.product_ids]
        codes = [row[1] for row in found]
        tie_rank = np.empty(len(codes), np.int64)
        tie_rank[np.lexsort((np.array(codes, dtype=str), -past.last_sold))] = np.arange(len(codes))
        return cls(
            ids=past.product_ids,
            codes=codes,
            titles=[row[2] for row in found],
            categories=[row[3] for row in found],
            for_sale=np.array([row[4] for row in found], dtype=bool),
            in_stock=np.array([row[5] is None or row[5] > 0 for row in found], dtype=bool),
            tie_rank=tie_rank,
        )

    def eligible(self, request: ProductRequest) -> NDArray[np.bool_]:
        """Which products a request may show."""
        may = self.for_sale & self.in_stock if request.in_stock else self.for_sale.copy()
        if category := fold(request.category):
            may &= np.array([own == category for own in self.categories], dtype=bool)
        return may

    def recommendation(self, column: int, rank: int, score: float, rung: Recipe, reason: str) -> Recommendation:
        return Recommendation(int(self.ids[column]), self.codes[column], rank, float(score), rung, reason)


class _Together:
    """Bought-together scores of some people, from the products of their latest orders."""

    def __init__(self, past: History, subscriber_ids: Sequence[int]) -> None:
        self._sources = [past.products_in(past.orders_of(person)[-1:]) for person in subscriber_ids]
        different = np.unique(np.concatenate([*self._sources, np.zeros(0, np.int64)])).astype(np.int64)
        self._row_of = {int(column): row for row, column in enumerate(different)}
        # Row by source, column by candidate: in how many orders both are. A product is not bought together with itself.
        counts = past.held_by_product[different] @ past.held
        counts[np.arange(len(different)), different] = 0
        self._counts = counts

    def best(
        self, place: int, limit: int, eligible: NDArray[np.bool_], bought: Ints, catalogue: _Catalogue
    ) -> list[Recommendation]:
        """The products with the highest scores for the person at ``place``."""
        rows = [self._row_of[int(column)] for column in self._sources[place]]
        if not rows:
            return []
        own = self._counts[rows]
        scores = np.asarray(own.sum(axis=0)).ravel()
        scores[bought] = 0
        scores[~eligible] = 0
        # One number for score and tie-break, so that the best few can be picked without sorting all.
        size = len(scores)
        keys = scores.astype(np.int64) * size + (size - 1 - catalogue.tie_rank)
        front = np.argpartition(-keys, limit)[:limit] if limit < size else np.arange(size)
        few = [int(column) for column in front[np.argsort(-keys[front])] if scores[column] > 0]
        shares = own[:, few].toarray()
        chosen = []
        for number, column in enumerate(few):
            most = int(shares[:, number].argmax())
            source, orders = int(self._sources[place][most]), int(shares[most, number])
            reason = ngettext(
                "Bought together with %(title)s in %(n)d order",
                "Bought together with %(title)s in %(n)d orders",
                orders,
            )
            words = reason % {"title": catalogue.titles[source] or catalogue.codes[source], "n": orders}
            chosen.append(catalogue.recommendation(column, number + 1, scores[column], "bought_together", words))
        return chosen


class _Popular:
    """What sells lately; the same list for everybody but for what each has."""

    def __init__(self, past: History, catalogue: _Catalogue, as_of: dt.datetime) -> None:
        self._catalogue = catalogue
        self._scores = past.popularity(as_of)
        self._order = np.lexsort((catalogue.tie_rank, -self._scores))
        self._lately = past.last_sold >= microseconds(as_of - _MONTH)

    def ranking(self, eligible: NDArray[np.bool_]) -> list[int]:
        """Columns of what may be shown, most popular first."""
        return [int(column) for column in self._order if eligible[column]]

    def best(self, ranking: list[int], limit: int, chosen: list[Recommendation], bought: Ints) -> list[Recommendation]:
        """What fills the places after ``chosen``."""
        have = set(bought.tolist())
        taken = {item.product_id for item in chosen}
        more: list[Recommendation] = []
        for column in ranking:
            if len(chosen) + len(more) >= limit:
                break
            if column in have or int(self._catalogue.ids[column]) in taken:
                continue
            reason = _("Popular this month") if self._lately[column] else _("Popular in the shop")
            rank = len(chosen) + len(more) + 1
            more.append(self._catalogue.recommendation(column, rank, self._scores[column], "popular", reason))
        return more
