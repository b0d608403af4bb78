"""The kinds of things that files hold: their fields, which of them are needed, and who stores them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segments.transfer import orders, past_events, people, products
from segments.transfer.fields import EVENT_FIELDS, ORDER_FIELDS, PRODUCT_FIELDS, SUBSCRIBER_FIELDS
from segments.transfer.models import Import, ImportKind
from segments.transfer.types import Layout, Record, Steps


@dataclass(frozen=True)
class Kind:
    """One kind. ``fields`` explains each field in words, ``steps`` are how it is stored, by an import's settings.

    ``known`` gives what columns may be mapped to, with the policies possible. ``together`` is the field by which rows
    belong together, wherever in the file they stand; without one each row stands for itself.
    """

    fields: Mapping[str, Any]
    needed: Sequence[str]
    steps: Callable[[Import, Layout], Steps]
    known: Callable[[], Mapping[str, Sequence[str]]]
    together: str = ""

    def key(self, layout: Layout) -> Callable[[Record], str]:
        """Gives the key by which a record belongs together with others."""
        return lambda record: layout.value(record, self.together).strip()


def _only_set(fields: Mapping[str, Any]) -> Callable[[], Mapping[str, Sequence[str]]]:
    return lambda: dict.fromkeys(fields, ("set",))


KINDS: dict[str, Kind] = {
    ImportKind.SUBSCRIBERS: Kind(SUBSCRIBER_FIELDS, ["email"], people.steps, people.known),
    ImportKind.PRODUCTS: Kind(PRODUCT_FIELDS, ["code"], products.steps, _only_set(PRODUCT_FIELDS)),
    ImportKind.ORDERS: Kind(
        ORDER_FIELDS,
        ["number", "product", "quantity", "unit_price", "placed_at"],
        orders.steps,
        _only_set(ORDER_FIELDS),
        together="number",
    ),
    ImportKind.EVENTS: Kind(EVENT_FIELDS, ["name", "occurred_at"], past_events.steps, _only_set(EVENT_FIELDS)),
}
