"""What people say of mails that are held: this one may go, that one may not. The executor then takes everybody on."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from campaigns.automations.executor import RELEASED
from campaigns.automations.models import Automation, Enrolment, StepVisit
from campaigns.automations.types import EnrolmentState, StepSkip, Visit
from personalize.core import audit
from personalize.core.clock import now
from personalize.core.database import among
from personalize.core.queue import enqueue


def release(*, enrolments: QuerySet[Enrolment], actor: Any) -> int:
    """Let those of these people who are held at a mail have it; gives how many.

    Whoever ordered or left meanwhile is still taken out before. The mail is as late as if it were due now.
    """
    return _decide(enrolments, actor, released=True)


def drop_mail(*, enrolments: QuerySet[Enrolment], actor: Any) -> int:
    """Let those of these people who are held at a mail go on without it; gives how many."""
    return _decide(enrolments, actor, released=False)


def _decide(enrolments: QuerySet[Enrolment], actor: Any, *, released: bool) -> int:
    at = now()
    with transaction.atomic():
        held = enrolments.filter(state=EnrolmentState.HELD).order_by("pk")
        rows = list(held.select_for_update(of=("self",), no_key=True).only("automation_id", "step"))
        if not rows:
            return 0
        if not released:
            StepVisit.objects.bulk_create(
                [
                    StepVisit(
                        enrolment_id=row.pk,
                        step=row.step,
                        outcome=Visit.SKIPPED,
                        at=at,
                        detail={"reason": str(StepSkip.NOT_SENT)},
                    )
                    for row in rows
                ],
                ignore_conflicts=True,
            )
        Enrolment.objects.filter(pk__in=among(row.pk for row in rows)).update(
            state=EnrolmentState.ACTIVE, reason=RELEASED if released else "", due_at=at
        )
        for automation in Automation.objects.filter(pk__in={row.automation_id for row in rows}):
            people = sum(row.automation_id == automation.pk for row in rows)
            audit.record(actor=actor, action="automation.run", target=automation, held_mails=people, released=released)
        enqueue("automations.look")
    return len(rows)
