"""What becomes of the traces a person left in mails when they are handed their data, erased, or merged."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.tracking.models import Hit, HitKind
from personalize.core.personal import empty, rows_of
from personalize.core.registries import PersonalData, Retention
from personalize.core.retention import rows_older


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


def kept() -> list[Retention]:
    """Clicks stay with their verdict, for reports count them; of opens, the first of each mail is noted on the mail."""
    return [
        rows_older(
            "hit_origins",
            Hit.objects.exclude(agent="", ip_prefix="").all,
            "at",
            label=_("Program and network of opens and clicks"),
            fate=_("blanked, the verdict stays"),
            days=30,
            erase=empty(agent="", ip_prefix=""),
        ),
        rows_older(
            "opens",
            Hit.objects.filter(kind=HitKind.OPEN).all,
            "at",
            label=_("Single opens"),
            fate=_("deleted, each mail keeps when it was first opened"),
            days=390,
        ),
    ]
