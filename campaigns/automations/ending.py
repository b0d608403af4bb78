"""The end of somebody's way: the row, the place it held, and the mails of it that have not left yet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from django.db import transaction
from django.db.models import QuerySet

from campaigns.automations.models import Enrolment, StepVisit
from campaigns.automations.types import EnrolmentState
from campaigns.delivery.services import withdraw_messages
from campaigns.delivery.types import SkipReason
from personalize.core.database import among


def end(enrolments: QuerySet[Enrolment], *, state: EnrolmentState, reason: str, at: dt.datetime) -> int:
    """End those that are open, with their unsent mails; gives how many. Waits for whoever is taking them on."""
    with transaction.atomic():
        open_ = enrolments.filter(ended_at__isnull=True).order_by("pk").select_for_update(of=("self",), no_key=True)
        ids = list(open_.values_list("pk", flat=True))
        ended = Enrolment.objects.filter(pk__in=among(ids), ended_at__isnull=True).update(
            state=state, reason=reason, ended_at=at, due_at=None, place=None
        )
        withdraw_mails(ids)
    return ended


def withdraw_mails(enrolments: Iterable[int]) -> int:
    """Skip the mails of these enrolments that were not handed over yet; how many they were."""
    visits = StepVisit.objects.filter(enrolment__in=among(enrolments)).values_list("message", flat=True)
    return withdraw_messages(uuids=[uuid for uuid in visits if uuid is not None], reason=SkipReason.LEFT)
