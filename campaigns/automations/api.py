"""Another system puts a person into an automation."""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Literal

from django.http import HttpResponse
from pydantic import BaseModel, Field

from campaigns.automations.enrolling import enrol_by_hand
from campaigns.automations.models import Automation, Enrolment
from campaigns.automations.types import AutomationState
from personalize.accounts.gateway import ApiRequest, Gate, Given, not_found
from personalize.core.clock import now
from personalize.core.problems import problem
from segments.subscribers.lookup import Reference, find_people
from segments.subscribers.models import Subscriber

gate = Gate("Automations")

_EXAMPLE = {"external_id": "C-1042", "key": "renewal-2027", "data": {"plan": "Oak"}}


class EnrolmentIn(Given):
    """The person is named by ``email``, ``external_id`` or ``subscriber_id``."""

    email: Annotated[str, Field(max_length=254)] = ""
    external_id: Annotated[str, Field(max_length=120, description="Your own id for the person.")] = ""
    subscriber_id: uuid.UUID | None = None
    key: Annotated[
        str,
        Field(
            max_length=120, description="What they come in for; for the same they come in once. Without one: in all."
        ),
    ] = ""
    data: Annotated[
        dict[str, Any],
        Field(max_length=100, description="What the mails find under trigger.data, such as trigger.data.plan."),
    ] = {}


class EnrolmentOut(BaseModel):
    """``left_out``: they stay out, for the ``reason``; ``id`` is their enrolment where they came in."""

    outcome: Literal["entered", "left_out"]
    id: uuid.UUID | None = None
    reason: str = ""


@gate.operation(
    "POST",
    "/automations/{automation}/enrolments",
    scope="automations:enrol",
    response=EnrolmentOut,
    example=_EXAMPLE,
)
def enrol(request: ApiRequest, automation: uuid.UUID, payload: EnrolmentIn) -> EnrolmentOut | HttpResponse:
    """Put one person into a live automation. Its own gates decide, as for everybody: consent, who it is for, how often."""
    source = request.caller.source
    named = Reference(id=payload.subscriber_id, external_id=payload.external_id, email=payload.email)
    found = find_people(references=[named], source=source)
    if found.ids[0] is None:
        return not_found(request, what="subscriber", foreign=found.foreign[0])
    wanted = Automation.objects.select_related("live").filter(uuid=automation).first()
    if wanted is None:
        return not_found(request, what="automation")
    if wanted.state != AutomationState.LIVE:
        return problem(422, "The automation is not live, so nobody comes in.")
    at = now()
    context = {
        "about": "",
        "source": source,
        "key": payload.key,
        "event": "",
        "at": at.isoformat(),
        "data": payload.data,
    }
    became = enrol_by_hand(
        automation=wanted,
        subscriber=Subscriber.objects.get(pk=found.ids[0]),
        actor=request.caller,
        entry_key=payload.key,
        context=context,
        at=at,
    )
    if isinstance(became, Enrolment):
        return EnrolmentOut(outcome="entered", id=became.uuid)
    return EnrolmentOut(outcome="left_out", reason=became.value)
