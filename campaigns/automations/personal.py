"""What becomes of a person's ways through automations when they are handed their data, erased or merged."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.automations.enrolling import give_to_survivor
from personalize.core.personal import rows_of
from personalize.core.registries import PersonalData


def declared() -> list[PersonalData]:
    """One declaration for each model that leads to a person."""
    return [
        rows_of(
            "automations.Enrolment",
            label=_("Ways through automations"),
            fate=_("deleted"),
            merge=give_to_survivor,
            hidden=["place", "version", "event"],
        ),
        rows_of(
            "automations.StepVisit",
            label=_("Steps of automations"),
            fate=_("deleted"),
            via="enrolment__subscriber",
            hidden=["message"],
        ),
        rows_of(
            "automations.LeftOut",
            label=_("Automations they did not come into"),
            fate=_("deleted"),
            unique_with=["automation", "entry_key"],
            hidden=["event"],
        ),
        rows_of(
            "automations.Call",
            label=_("What other systems were told"),
            fate=_("deleted"),
            via="enrolment__subscriber",
            hidden=["endpoint"],
        ),
    ]
