"""The kinds of things that files hold: their fields, which of them are needed, and who stores them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segments.transfer import orders, past_events, people, products
from segments.transfer.fields import EVENT_FIELDS, ORDER_FIELDS, PRODUCT_FIELDS, SUBSCRIBER_FIELDS
from segments.transfer.models import Import, ImportKind
from segments.transfer.types import Layout, Record, Store


@dataclass(frozen=True)
class Kind:
    """One kind. ``fields`` explains each field in words, ``store`` makes ready to store by an import's settings.

    ``together`` is the field by which rows belong together, wherever in the file they stand; without one each row stands
    for itself. ``doubt`` looks at a record before anything is written, for lists that should not be imported unseen.
    """

    fields: Mapping[str, Any]
    needed: Sequence[str]
    store: Callable[[Import, Layout], Store]
    known: Callable[[], Mapping[str, Sequence[str]]]
    together: str = ""

    def key(self, layout: Layout) -> Callable[[Record], str]:
        """Gives the key by which a record belongs together with others."""
        return lambda record: layout.value(record, self.together).strip()


def _only_set(fields: Mapping[str, Any]) -> Callable[[], Mapping[str, Sequence[str]]]:
    return lambda: dict.fromkeys(fields, ("set",))


KINDS: dict[str, Kind] = {
    ImportKind.SUBSCRIBERS: Kind(SUBSCRIBER_FIELDS, ["email"], people.store, people.known),
    ImportKind.PRODUCTS: Kind(PRODUCT_FIELDS, ["code"], products.store, _only_set(PRODUCT_FIELDS)),
    ImportKind.ORDERS: Kind(
        ORDER_FIELDS,
        ["number", "product", "quantity", "unit_price", "placed_at"],
        orders.store,
        _only_set(ORDER_FIELDS),
        together="number",
    ),
    ImportKind.EVENTS: Kind(EVENT_FIELDS, ["name", "occurred_at"], past_events.store, _only_set(EVENT_FIELDS)),
}
