"""How other systems answer what webhook steps tell them: figures of each, and its latest calls."""

from __future__ import annotations

import datetime as dt

from django.db.models import Count, Q, QuerySet

from campaigns.automations.figures import SPAN
from campaigns.automations.models import Call, CallState, Endpoint

SHOWN_CALLS = 50


def with_figures(at: dt.datetime) -> QuerySet[Endpoint]:
    """All endpoints, those that are told first, with how many calls of the last thirty days are ``done``, ``failed`` and
    ``waiting``.
    """
    since = Q(calls__created_at__gte=at - SPAN)
    counts = {
        name: Count("calls", filter=since & Q(calls__state=state))
        for name, state in (("done", CallState.DONE), ("failed", CallState.FAILED), ("waiting", CallState.READY))
    }
    return Endpoint.objects.annotate(**counts).order_by("-enabled", "name")


def latest_calls(endpoint: Endpoint) -> QuerySet[Call]:
    """Its latest calls, newest first, with whom each is about."""
    return endpoint.calls.select_related("enrolment__subscriber", "enrolment__automation").order_by("-pk")[:SHOWN_CALLS]
