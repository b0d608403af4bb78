"""Service mail that another system asks for, such as a receipt or a reset of a password there."""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Literal

from django.http import HttpResponse
from pydantic import BaseModel, Field

from campaigns.delivery.services import send_service_mail
from campaigns.delivery.types import Refused
from personalize.accounts.gateway import ApiRequest, Gate, Given, not_found
from personalize.content.models import TemplateVersion
from personalize.core.problems import problem
from segments.subscribers.lookup import Reference, find_people
from segments.subscribers.models import Subscriber

gate = Gate("Messages")

_EXAMPLE = {
    "template": "6f1c3c1e-7b1f-4a39-9f0e-0d6c2c0a8a55",
    "external_id": "C-1042",
    "data": {"number": "AW-20311"},
    "key": "receipt-AW-20311",
}


class MessageIn(Given):
    """One service mail for one person, who is named by ``email``, ``external_id`` or ``subscriber_id``."""

    template: Annotated[uuid.UUID, Field(description="The template's id; its newest version is sent.")]
    email: Annotated[str, Field(max_length=254)] = ""
    external_id: Annotated[str, Field(max_length=120, description="Your own id for the person.")] = ""
    subscriber_id: uuid.UUID | None = None
    data: Annotated[
        dict[str, Any],
        Field(max_length=100, description="What the template finds under trigger, such as trigger.number."),
    ] = {}
    key: Annotated[str, Field(min_length=1, max_length=120, description="The same key again sends nothing.")]


class MessageOut(BaseModel):
    """The message is written and leaves within seconds, unless the address may not be mailed at all."""

    id: uuid.UUID
    outcome: Literal["queued"]


@gate.operation("POST", "/messages", scope="messages:send", response=MessageOut, example=_EXAMPLE)
def send_message(request: ApiRequest, payload: MessageIn) -> MessageOut | HttpResponse:
    """Send one service mail to somebody who is known. It needs no consent, so it may say nothing but what was asked for."""
    source = request.caller.source
    named = Reference(id=payload.subscriber_id, external_id=payload.external_id, email=payload.email)
    found = find_people(references=[named], source=source)
    if found.ids[0] is None:
        return not_found(request, what="subscriber", foreign=found.foreign[0])
    # What the product itself sends by its built-in templates, only the product asks for.
    versions = TemplateVersion.objects.filter(template__uuid=payload.template, template__key__isnull=True)
    version = versions.select_related("template").order_by("-number").first()
    if version is None:
        return not_found(request, what="template with a saved version")
    message = send_service_mail(
        subscriber=Subscriber.objects.get(pk=found.ids[0]),
        version=version,
        context=payload.data,
        key=f"api:{source}:{payload.key}",
        name=version.template.name,
    )
    if isinstance(message, Refused):
        return problem(422, f"{message.label}.")
    return MessageOut(id=message.uuid, outcome="queued")
