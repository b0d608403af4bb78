"""What becomes of the traces a person left in mails when they are handed their data, erased, or merged."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from personalize.core.personal import empty, rows_of
from personalize.core.registries import PersonalData


def declared() -> list[PersonalData]:
    """One declaration for each model that leads to a person."""
    return [
        rows_of(
            "tracking.Hit",
            label=_("Opens and clicks"),
            fate=_("the verdict stays for the sums, without agent and network"),
            via="message__subscriber",
            erase=empty(agent="", ip_prefix=""),
            hidden=["rule_version"],
        ),
    ]
