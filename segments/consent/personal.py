"""What becomes of what a person allowed when they are handed their data, erased, or merged."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from personalize.core.personal import empty, rows_of
from personalize.core.registries import PersonalData


def declared() -> list[PersonalData]:
    """One declaration for each model that leads to a person."""
    return [
        rows_of("consent.Subscription", label=_("Topics"), fate=_("deleted"), unique_with=["topic"]),
        rows_of(
            "consent.ConsentEntry",
            label=_("Proof of consent"),
            fate=_("kept as proof, without network and details"),
            erase=empty(ip_prefix="", details={}),
        ),
    ]
