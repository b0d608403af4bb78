"""What becomes of a person's places in segments when they are handed their data, erased, or merged."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from personalize.core.personal import rows_of, stay
from personalize.core.registries import PersonalData
from segments.segmentation import memberships
from segments.segmentation.models import Membership


def declared() -> list[PersonalData]:
    """One declaration for each model that leads to a person."""
    return [
        _memberships(),
        *(
            # The survivor's are written anew, and the duplicate's go with its row.
            rows_of(f"segmentation.{model}", label=label, fate=_("deleted"), merge=stay, handed_out=False)
            for model, label in (
                ("SegmentTurn", _("When to look at their segments again")),
                ("TouchedPerson", _("Waiting to be looked at for segments")),
            )
        ),
    ]


def _memberships() -> PersonalData:
    """Places in segments, which are counted anew when some go without anybody leaving."""
    usual = rows_of(
        "segmentation.Membership", label=_("Segments they are in"), fate=_("deleted"), unique_with=["segment"]
    )

    def erase(person: Any) -> int:
        _recount_of(person)
        return usual.erase(person)

    def merge(survivor: Any, duplicate: Any) -> int:
        _recount_of(duplicate)
        return usual.merge(survivor, duplicate)

    return replace(usual, erase=erase, merge=merge)


def _recount_of(person: Any) -> None:
    """Once this transaction is through: within it, whoever holds a segment's figure could be waiting for the person."""
    theirs = list(Membership.objects.filter(subscriber=person).values_list("segment", flat=True))
    transaction.on_commit(partial(memberships.recount, theirs))
