"""How an automation stands, in figures: who is in it, what became of the others, what waits for somebody."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import Count, Min

from campaigns.automations import guard
from campaigns.automations.models import Automation, CallState, Enrolment, LeftOut, StepVisit
from campaigns.automations.types import EnrolmentState


def facts_of(automation: Automation, at: dt.datetime) -> dict[str, Any]:
    """Plain values; the spans reach back 30 days, ``late_seconds`` is how long the oldest who is due waits for a worker."""
    since = at - dt.timedelta(days=30)
    ways = Enrolment.objects.filter(automation=automation)
    open_ = ways.filter(ended_at__isnull=True)
    oldest = open_.filter(due_at__lte=at).aggregate(oldest=Min("due_at"))["oldest"]
    wrong = guard.false_positives(automation=automation, since=since)
    return {
        "automation": automation.name,
        "uuid": str(automation.uuid),
        "state": automation.state,
        "version": automation.live.number if automation.live else None,
        "open": _tally(open_, "state"),
        "at_step": _tally(open_.filter(state=EnrolmentState.WAITING), "step"),
        "held": _tally(open_.filter(state=EnrolmentState.HELD), "reason"),
        "came_in": ways.filter(created_at__gte=since).count(),
        "ended": _tally(ways.filter(ended_at__gte=since), "state"),
        "exits": _tally(ways.filter(ended_at__gte=since, state=EnrolmentState.EXITED), "reason"),
        "failures": _tally(ways.filter(ended_at__gte=since, state=EnrolmentState.FAILED), "reason"),
        "left_out": _tally(LeftOut.objects.filter(automation=automation, at__gte=since), "reason"),
        "mails_written": StepVisit.objects.filter(
            enrolment__automation=automation, message__isnull=False, at__gte=since
        ).count(),
        "after_an_order_heard_of_too_late": wrong.number,
        "calls_waiting": automation.enrolments.filter(calls__state=CallState.READY).count(),
        "late_seconds": (at - oldest).total_seconds() if oldest else 0.0,
    }


def _tally(rows: Any, column: str) -> dict[str, int]:
    return dict(rows.order_by().values_list(column).annotate(n=Count("pk")).values_list(column, "n"))
