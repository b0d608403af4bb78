"""What people did, told by other systems."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Annotated, Any, Literal

from django.http import HttpResponse
from pydantic import AwareDatetime, BaseModel, Field, SkipValidation

from personalize.accounts.gateway import BATCH, MANY, ApiRequest, Gate, Given, note_foreign, read_item
from personalize.core.problems import problem
from segments.events.services import take_event, take_events
from segments.events.types import Fate, GivenEvent, Taken
from segments.subscribers.lookup import Reference

gate = Gate("Events")

_EXAMPLE = {
    "name": "wish_list_shared",
    "external_id": "C-1042",
    "occurred_at": "2026-11-19T08:40:00Z",
    "subject": "OAK-STOOL",
    "properties": {"channel": "app"},
    "idempotency_key": "wish-77-1",
}


class EventIn(Given):
    """One thing one person did. The person is named by ``email``, ``external_id`` or ``subscriber_id``."""

    name: Annotated[str, Field(max_length=64, description="Lower case with underscores, such as wish_list_shared.")]
    email: Annotated[str, Field(max_length=254)] = ""
    external_id: Annotated[str, Field(max_length=120, description="Your own id for the person.")] = ""
    subscriber_id: uuid.UUID | None = None
    occurred_at: Annotated[AwareDatetime | None, Field(description="With an offset or Z; now when left out.")] = None
    subject: Annotated[str, Field(max_length=120, description="What it is about, such as a product's code.")] = ""
    properties: dict[str, Any] = {}
    amount: Annotated[
        Decimal | None, Field(max_digits=17, decimal_places=4, description="In the shop's currency, for sums.")
    ] = None
    idempotency_key: Annotated[str, Field(max_length=120, description="The same key again is a duplicate.")] = ""
    historic: Annotated[bool, Field(description="Evidence that starts nothing; may be older than 30 days.")] = False


class EventsIn(Given):
    # Each is read on its own, so that a bad one does not stop the others.
    events: Annotated[list[SkipValidation[EventIn]], Field(min_length=1, max_length=BATCH)]


class EventOut(BaseModel):
    """``duplicate``: an event with this idempotency key was stored before, nothing was written."""

    outcome: Literal["stored", "duplicate"]


class EventResult(BaseModel):
    outcome: Literal["stored", "duplicate", "refused"]
    reason: str = ""


class EventsOut(BaseModel):
    """What became of each event, in the order in which they came."""

    stored: int
    duplicate: int
    refused: int
    results: list[EventResult]


@gate.operation("POST", "/events", scope="events:write", response=EventOut, example=_EXAMPLE)
def record_event(request: ApiRequest, payload: EventIn) -> EventOut | HttpResponse:
    """Store one event. A person who is not known is created only if the key has the scope subscribers:create."""
    taken = take_event(event=_given(payload), source=request.caller.source, may_create=_may_create(request))
    _note(request, taken)
    fate, reason = taken.fates[0]
    if fate is Fate.REFUSED:
        at, _colon, why = reason.partition(": ")
        return problem(422, "The event was not stored.", errors=[{"at": at, "reason": why}])
    return EventOut(outcome=fate.value)


@gate.operation(
    "POST", "/events/batch", scope="events:write", response=EventsOut, limit=MANY, example={"events": [_EXAMPLE]}
)
def record_many_events(request: ApiRequest, payload: EventsIn) -> EventsOut:
    """Store up to 500 events; those that are wrong are refused one by one, the others stored."""
    items = [read_item(EventIn, item) for item in payload.events]
    good = [item for item in items if isinstance(item, EventIn)]
    taken = take_events(
        events=[_given(item) for item in good], source=request.caller.source, may_create=_may_create(request)
    )
    _note(request, taken)
    fates = iter(taken.fates)
    results = [
        EventResult(outcome="refused", reason=item) if isinstance(item, str) else _result(*next(fates))
        for item in items
    ]
    outcomes = [result.outcome for result in results]
    return EventsOut(
        stored=outcomes.count("stored"),
        duplicate=outcomes.count("duplicate"),
        refused=outcomes.count("refused"),
        results=results,
    )


def _may_create(request: ApiRequest) -> bool:
    return "subscribers:create" in request.caller.scopes


def _note(request: ApiRequest, taken: Taken) -> None:
    if any(taken.foreign):
        note_foreign(request.caller, sum(taken.foreign))


def _result(fate: Fate, reason: str) -> EventResult:
    return EventResult(outcome=fate.value, reason=reason)


def _given(event: EventIn) -> GivenEvent:
    return GivenEvent(
        person=Reference(id=event.subscriber_id, external_id=event.external_id, email=event.email),
        name=event.name,
        occurred_at=event.occurred_at,
        subject=event.subject,
        properties=event.properties,
        amount=None if event.amount is None else int(event.amount.scaleb(4)),
        idempotency_key=event.idempotency_key,
        historic=event.historic,
    )
