"""What becomes of a person's places in segments when they are handed their data, erased, or merged."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from personalize.core.personal import rows_of
from personalize.core.registries import PersonalData


def declared() -> list[PersonalData]:
    """One declaration for each model that leads to a person."""
    return [
        rows_of("segmentation.Membership", label=_("Segments they are in"), fate=_("deleted"), unique_with=["segment"])
    ]
