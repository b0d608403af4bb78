"""What was ever sold before an instant, as arrays: which order held which products, whose it was and when.

Orders that were cancelled and lines whose product the catalogue does not know are not in it. Reading it costs one pass over
the order lines, so a process keeps the last few.
"""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
from django.db.models import Max
from numpy.typing import NDArray
from scipy.sparse import csr_array

from segments.commerce.models import Order, OrderLine, OrderStatus

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
HALF_LIFE = 30 * 86_400 * 1_000_000
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
KEPT = 2
_CHUNK = 20_000
_kept: OrderedDict[tuple[Any, ...], History] = OrderedDict()


class History:
    """Orders are rows and products are columns; both are ascending in their database ids.

    ``held`` has a one where an order holds a product; times are microseconds since the epoch; guests' orders have
    subscriber 0.
    """

    def __init__(self, orders: Ints, lines: Ints) -> None:
        self.order_ids, self.order_subscribers, self.order_times = orders.T
        lines = lines[np.isin(lines[:, 0], self.order_ids)]
        self.product_ids, columns = np.unique(lines[:, 1], return_inverse=True)
        rows = np.searchsorted(self.order_ids, lines[:, 0])
        shape = (len(self.order_ids), len(self.product_ids))
        held = csr_array((np.ones(len(rows), np.int32), (rows, columns)), shape=shape)
        held.data[:] = 1  # A product on two lines of an order is held once.
        self.held = held
        self.held_by_product = held.T.tocsr()

    @cached_property
    def last_sold(self) -> Ints:
        """When each product was last sold."""
        latest = np.zeros(len(self.product_ids), np.int64)
        order_of_entry = np.repeat(np.arange(self.held.shape[0]), np.diff(self.held.indptr))
        np.maximum.at(latest, self.held.indices, self.order_times[order_of_entry])
        return latest

    def popularity(self, as_of: dt.datetime) -> Floats:
        """Orders holding each product, each worth half as much for every 30 days that passed since."""
        if not len(self.order_times):
            return np.zeros(len(self.product_ids))
        since = (microseconds(as_of) - int(self.order_times.max())) / HALF_LIFE
        return self._popularity_at_end * float(0.5**since)

    @cached_property
    def _popularity_at_end(self) -> Floats:
        """Popularity as it was when the last order was placed; from then on all products fade alike.

        Rounded, so that products sold in equal measure tie in whatever order their orders were added up.
        """
        weights = np.power(0.5, (self.order_times.max() - self.order_times) / HALF_LIFE)
        scores: Floats = np.round(self.held_by_product @ weights, 9)
        return scores

    @cached_property
    def _by_person(self) -> Ints:
        """Row numbers of orders, by person, then time, then id."""
        return np.lexsort((self.order_ids, self.order_times, self.order_subscribers))

    def orders_of(self, subscriber_id: int) -> Ints:
        """Row numbers of a person's orders, the latest last."""
        sorted_people = self._sorted_people
        start, end = np.searchsorted(sorted_people, [subscriber_id, subscriber_id + 1])
        own: Ints = self._by_person[start:end]
        return own

    @cached_property
    def _sorted_people(self) -> Ints:
        people: Ints = self.order_subscribers[self._by_person]
        return people

    def products_in(self, orders: Sequence[int] | Ints) -> Ints:
        """Column numbers of the different products these orders hold, ascending."""
        held = [self.held.indices[self.held.indptr[row] : self.held.indptr[row + 1]] for row in orders]
        return np.unique(np.concatenate(held)) if held else np.zeros(0, np.int64)


def microseconds(moment: dt.datetime) -> int:
    """Microseconds since the epoch."""
    return (moment - _EPOCH) // dt.timedelta(microseconds=1)


def history(as_of: dt.datetime) -> History:
    """The history before ``as_of``; three queries when this process has it already, five when not.

    Once the last order lies before ``as_of`` it does not matter how far, so all such instants share one history.
    """
    newest = Order.objects.order_by("-pk").values_list("uuid", flat=True).first()
    marks = Order.objects.aggregate(placed=Max("placed_at"), updated=Max("updated_at"))
    last_line = OrderLine.objects.aggregate(pk=Max("pk"))["pk"]
    cutoff = as_of if marks["placed"] and as_of <= marks["placed"] else None
    key = (newest, marks["updated"], last_line, cutoff)
    if key not in _kept:
        _kept[key] = _read(as_of)
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    _kept.move_to_end(key)
    return _kept[key]


def _read(as_of: dt.datetime) -> History:
    orders = Order.objects.filter(placed_at__lt=as_of).exclude(status=OrderStatus.CANCELLED).order_by("pk")
    rows = orders.values_list("pk", "subscriber_id", "placed_at").iterator(_CHUNK)
    plain = ((pk, subscriber or 0, microseconds(at)) for pk, subscriber, at in rows)
    lines = OrderLine.objects.filter(placed_at__lt=as_of, product__isnull=False).values_list("order_id", "product_id")
    return History(_table(plain, 3), _table(lines.iterator(_CHUNK), 2))


def _table(rows: Any, width: int) -> Ints:
    return np.fromiter(chain.from_iterable(rows), np.int64).reshape(-1, width)
