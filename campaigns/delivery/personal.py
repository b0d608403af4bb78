"""What becomes of a person's mails when they are handed their data, erased, or merged."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from personalize.core.personal import empty, rows_of
from personalize.core.registries import PersonalData


def declared() -> list[PersonalData]:
    """One declaration for each model that leads to a person."""
    return [
        rows_of(
            "delivery.Message",
            label=_("Mails"),
            fate=_("the row stays for the sums, without its content"),
            erase=empty(context=None, trace=None, reply="", esp_id=""),
            hidden=["token", "cap_day", "address_key"],
        ),
        rows_of(
            "delivery.Outcome",
            label=_("What became of mails"),
            fate=_("kept without details"),
            via="message__subscriber",
            erase=empty(details={}),
            hidden=["fingerprint"],
        ),
        rows_of(
            "delivery.FrequencyCount",
            label=_("Mails by day"),
            fate=_("deleted"),
            unique_with=["day"],
            handed_out=False,
        ),
    ]
