"""What becomes of a person's places in segments when they are handed their data, erased, or merged."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from personalize.core.personal import rows_of, stay
from personalize.core.registries import PersonalData


def declared() -> list[PersonalData]:
    """One declaration for each model that leads to a person."""
    return [
        rows_of("segmentation.Membership", label=_("Segments they are in"), fate=_("deleted"), unique_with=["segment"]),
        *(
            # The survivor's are written anew, and the duplicate's go with its row.
            rows_of(f"segmentation.{model}", label=label, fate=_("deleted"), merge=stay, handed_out=False)
            for model, label in (
                ("SegmentTurn", _("When to look at their segments again")),
                ("TouchedPerson", _("Waiting to be looked at for segments")),
            )
        ),
    ]
