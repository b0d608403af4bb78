"""What becomes of what this app knows of a person when they are handed their data, erased, or merged."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from personalize.core.personal import rows_of
from personalize.core.registries import PersonalData

# The others find their rows by what stands here, so these go after them.
LAST = 900


def declared() -> list[PersonalData]:
    """One declaration for each model that leads to a person."""
    return [
        rows_of(
            "subscribers.ExternalId",
            label=_("Ids in other systems"),
            fate=_("deleted"),
            unique_with=["source"],
            order=LAST,
        ),
        rows_of(
            "subscribers.QuarantinedValue",
            label=_("Values in quarantine"),
            fate=_("deleted"),
            unique_with=["key"],
        ),
        rows_of("subscribers.ListMember", label=_("Lists"), fate=_("deleted"), unique_with=["list"]),
        rows_of("subscribers.Merge", label=_("Merges"), fate=_("deleted"), via="survivor", order=LAST),
    ]
