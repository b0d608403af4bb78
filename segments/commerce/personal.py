"""What becomes of a person's orders and carts when they are handed their data, erased, or merged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from personalize.core.personal import empty, rows_of
from personalize.core.registries import PersonalData
from segments.commerce.models import Receipt

KEPT = _("kept for the books, without the person")


def declared() -> list[PersonalData]:
    """One declaration for each model that leads to a person."""
    without_person = empty(subscriber=None)
    return [
        rows_of("commerce.Order", label=_("Orders"), fate=KEPT, erase=without_person),
        rows_of("commerce.OrderLine", label=_("Order lines"), fate=KEPT, erase=without_person),
        rows_of("commerce.Refund", label=_("Refunds"), fate=KEPT, erase=without_person),
        rows_of("commerce.RefundLine", label=_("Refund lines"), fate=KEPT, erase=without_person),
        rows_of("commerce.CartLine", label=_("Cart lines"), fate=_("deleted"), via="cart__subscriber", order=90),
        rows_of("commerce.Cart", label=_("Carts"), fate=_("deleted")),
        PersonalData(
            model="commerce.Receipt",
            label=_("Payloads of the shop"),
            count=lambda person: Receipt.objects.filter(address_key=person.address_key).count(),
            export=_payloads,
            erase=lambda person: Receipt.objects.filter(address_key=person.address_key).delete()[0],
            merge=lambda survivor, duplicate: Receipt.objects.filter(address_key=duplicate.address_key).update(
                address_key=survivor.address_key
            ),
            fate=_("deleted"),
        ),
    ]


def _payloads(person: Any) -> Iterator[Mapping[str, Any]]:
    """Receipts lead to their person by the address they name; they have no column for the person."""
    return (
        Receipt.objects.filter(address_key=person.address_key)
        .order_by("pk")
        .values("received_at", "topic", "state", "body")
        .iterator()
    )
