"""Telling other systems and the team: a call is written in the transaction of its step and made when it is due.

Endpoints are told as Standard Webhooks has it (standardwebhooks.com): the call's id is the same at every try, so that the
receiver can leave out what it knows, and id, time and body are signed. A call is made outside of any transaction, under a
lease; a worker that dies in the middle makes it due again.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns.automations.models import Automation, Call, CallState, Endpoint, Enrolment
from campaigns.automations.nodes import NotifyStep, WebhookStep
from campaigns.delivery.team import mail_team
from personalize.core import fetch
from personalize.core.clock import now
from personalize.core.queue import enqueue
from segments.commerce.signatures import standard_signature

WAITS = tuple(
    dt.timedelta(seconds=seconds)
    for seconds in (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600)
)
"""How long to wait after the first failure, the second and so on; then it is given up, some two days after the first try."""

LEASE = dt.timedelta(minutes=2)
LONGEST_REST = dt.timedelta(days=1)


def write_calls(*, step: WebhookStep, enrolments: Sequence[Enrolment], at: dt.datetime) -> set[int]:
    """Write the calls of people at a webhook step, in the caller's transaction; gives the ids of those who get none, because
    the endpoint is gone or turned off.
    """
    endpoint = Endpoint.objects.filter(uuid=step.endpoint, enabled=True).first()
    if endpoint is None:
        return {enrolment.pk for enrolment in enrolments}
    automations = _automations(enrolments)
    _write(
        [
            Call(
                endpoint=endpoint,
                enrolment=enrolment,
                step=step.id,
                body=_told(step, enrolment, automations[enrolment.automation_id], at),
                due_at=at,
                created_at=at,
            )
            for enrolment in enrolments
        ]
    )
    return set()


def notify_team(*, step: NotifyStep, enrolments: Sequence[Enrolment], at: dt.datetime) -> None:
    """Write the mails to the team about people at a notify step, in the caller's transaction."""
    automations = _automations(enrolments)
    _write(
        [
            Call(
                enrolment=enrolment,
                step=step.id,
                body={
                    "to": list(step.to),
                    "subject": step.name or automations[enrolment.automation_id].name,
                    "text": _words(step, enrolment, automations[enrolment.automation_id]),
                },
                due_at=at,
                created_at=at,
            )
            for enrolment in enrolments
        ]
    )


def sweep_calls(at: dt.datetime | None = None, limit: int = 20) -> bool:
    """Make what calls are due, oldest first; true when there were any."""
    at = at or now()
    calls = _claim(at, limit)
    for call in calls:
        if call.endpoint is None:
            problem = mail_team(to=call.body["to"], subject=call.body["subject"], text=call.body["text"])
            _settle(call, at, problem=problem)
        else:
            _tell(call, call.endpoint, at)
    return bool(calls)


def try_out(*, endpoint: Endpoint, at: dt.datetime) -> fetch.Answered | fetch.Refused:
    """Make one signed call that is about nobody, and say what came back; it is noted nowhere and not tried again."""
    body = {"type": "endpoint.test", "timestamp": at.isoformat(), "data": {"endpoint": str(endpoint.uuid)}}
    return _post(endpoint, str(uuid.uuid4()), body, at)


def _write(calls: list[Call]) -> None:
    Call.objects.bulk_create(calls, batch_size=500, ignore_conflicts=True)
    enqueue("automations.look")


def _automations(enrolments: Sequence[Enrolment]) -> dict[int, Automation]:
    return Automation.objects.in_bulk({enrolment.automation_id for enrolment in enrolments})


def _told(step: WebhookStep, enrolment: Enrolment, automation: Automation, at: dt.datetime) -> Mapping[str, Any]:
    person = enrolment.subscriber
    return {
        "type": "automation.step_reached",
        "timestamp": at.isoformat(),
        "data": {
            "automation": str(automation.uuid),
            "step": step.id,
            "enrolment": str(enrolment.uuid),
            "subscriber": {"id": str(person.uuid), "email": person.email},
            "trigger": enrolment.context,
        },
    }


def _words(step: NotifyStep, enrolment: Enrolment, automation: Automation) -> str:
    address = settings.BASE_URL + reverse("subscribers:detail", args=[enrolment.subscriber.uuid])
    return _("%(text)s\n\n%(person)s\n%(address)s\n\nFrom the automation ‘%(automation)s’.") % {
        "text": step.text,
        "person": enrolment.subscriber,
        "address": address,
        "automation": automation.name,
    }


def _claim(at: dt.datetime, limit: int) -> list[Call]:
    with transaction.atomic():
        due = Call.objects.select_for_update(skip_locked=True).filter(due_at__lte=at).order_by("due_at", "pk")
        ids = list(due.values_list("pk", flat=True)[:limit])
        Call.objects.filter(pk__in=ids).update(due_at=at + LEASE)
    return list(Call.objects.filter(pk__in=ids).select_related("endpoint").order_by("pk"))


def _tell(call: Call, endpoint: Endpoint, at: dt.datetime) -> None:
    if not endpoint.enabled:
        _settle(call, at, problem=_("The endpoint was turned off."), final=True)
        return
    answer = _post(endpoint, str(call.uuid), call.body, at)
    if isinstance(answer, fetch.Refused):
        _settle(call, at, problem=answer.reason)
    elif 200 <= answer.status < 300:
        _settle(call, at, code=answer.status)
    elif answer.status == 410:
        # The standard's word for "never again".
        Endpoint.objects.filter(pk=endpoint.pk).update(enabled=False)
        _settle(call, at, code=410, problem=_("It wants to hear nothing more; it is turned off."), final=True)
    else:
        _settle(call, at, code=answer.status, problem=_("It answered %d.") % answer.status, rest=answer.rest)


def _post(endpoint: Endpoint, id: str, body: Mapping[str, Any], at: dt.datetime) -> fetch.Answered | fetch.Refused:
    raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    stamp = int(at.timestamp())
    return fetch.tell(
        endpoint.url,
        body=raw,
        headers={
            "Content-Type": "application/json",
            "webhook-id": id,
            "webhook-timestamp": str(stamp),
            "webhook-signature": standard_signature(endpoint.secret, id, stamp, raw),
        },
        reachable=_reachable,
    )


def _reachable(ip: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> bool:
    """The public internet, and one's own network where the installation says so."""
    return settings.WEBHOOKS_MAY_STAY_INSIDE or fetch.is_public(ip, port)


def _settle(
    call: Call,
    at: dt.datetime,
    *,
    code: int | None = None,
    problem: str = "",
    rest: float | None = None,
    final: bool = False,
) -> None:
    """Note what became of a try. Whoever lost its lease meanwhile notes nothing that matters: the id is the same."""
    given_up = bool(problem) and (final or call.attempt >= len(WAITS))
    if problem and not given_up:
        wait = min(max(WAITS[call.attempt], dt.timedelta(seconds=rest or 0)), LONGEST_REST)
        changes: dict[str, Any] = {"due_at": at + wait}
    else:
        state = CallState.FAILED if given_up else CallState.DONE
        changes = {"state": state, "due_at": None, "ended_at": at}
    Call.objects.filter(pk=call.pk, state=CallState.READY).update(
        attempt=call.attempt + 1, code=code, detail=problem[:255], **changes
    )
