"""What becomes of a person's orders and carts when they are handed their data, erased, or merged."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from personalize.core.personal import empty, rows_of
from personalize.core.registries import PersonalData

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
    ]
