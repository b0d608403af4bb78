"""What becomes of a person's orders and carts when they are handed their data, erased, or merged."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from personalize.core.personal import empty, mentioning, rows_of
from personalize.core.registries import PersonalData, Retention
from personalize.core.retention import rows_older
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
        rows_of(
            "commerce.Receipt",
            label=_("Payloads from the shop"),
            fate=_("deleted"),
            find=_receipts,
            merge=lambda survivor, duplicate: _refile(duplicate.address_key, survivor.address_key),
            readdress=lambda person, former: _refile(former, person.address_key),
            hidden=["address_key"],
        ),
    ]


def kept() -> list[Retention]:
    return [
        rows_older(
            "receipts",
            Receipt.objects.all,
            "received_at",
            label=_("Payloads from the shop"),
            fate=_("deleted"),
            days=30,
        )
    ]


def _receipts(person: Any) -> QuerySet[Receipt]:
    """What is filed under the person's address, and of what nobody could file whatever names it."""
    filed = Receipt.objects.filter(address_key=person.address_key)
    unread = mentioning(Receipt.objects.filter(address_key=""), "body", person.addresses())
    return Receipt.objects.filter(pk__in=[*filed.values_list("pk", flat=True), *unread.values_list("pk", flat=True)])


def _refile(former: str, current: str) -> int:
    return Receipt.objects.filter(address_key=former).update(address_key=current)
