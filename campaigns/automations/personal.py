"""What becomes of a person's ways through automations when they are handed their data, erased or merged."""

from __future__ import annotations

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from campaigns.automations.leaving import give_to_survivor
from campaigns.automations.models import Call, CallState, Enrolment, LeftOut
from personalize.core.personal import empty, rows_of
from personalize.core.registries import PersonalData, Retention
from personalize.core.retention import rows_older


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


def kept() -> list[Retention]:
    return [
        rows_older(
            "automation_triggers",
            lambda: Enrolment.objects.filter(ended_at__isnull=False),
            "ended_at",
            label=_("What brought people into automations"),
            fate=_("emptied, the way stays for the sums"),
            days=730,
            still=~Q(context={}),
            erase=empty(context={}),
        ),
        rows_older(
            "left_out",
            LeftOut.objects.all,
            "at",
            label=_("Who did not come into automations"),
            fate=_("deleted"),
            days=365,
        ),
        rows_older(
            "calls",
            lambda: Call.objects.exclude(state=CallState.READY),
            "created_at",
            label=_("What other systems and the team were told"),
            fate=_("deleted"),
            days=90,
        ),
    ]
