"""Storing what people did, each thing once."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from functools import cache

from django.db import transaction
from django.utils.translation import gettext as _

from personalize.core import clock, hooks
from personalize.core.copy import insert_new_rows, stored_moment, stored_uuid
from personalize.core.database import json_parameter
from segments.events.grouping import Grouping
from segments.events.intake import problem_of
from segments.events.models import Event
from segments.events.types import Fate, GivenEvent, NewEvent, Taken
from segments.subscribers.lookup import find_people
from segments.subscribers.services import upsert_subscribers
from segments.subscribers.types import SubscriberRow

SLICE = 1000
_COLUMNS = (
    "uuid",
    "subscriber_id",
    "name",
    "subject",
    "occurred_at",
    "received_at",
    "source",
    "idempotency_key",
    "properties",
    "amount",
    "historic",
    "processed_at",
)


def record_events(*, events: Sequence[NewEvent]) -> list[Event]:
    """Store the events that are new by (source, idempotency key), and return those.

    Historic events are born processed: they are evidence, never a trigger.
    """
    now = clock.now()
    rows: dict[tuple[str, str], Event] = {}
    for event in events:
        rows.setdefault(
            (event.source, event.idempotency_key),
            Event(
                subscriber_id=event.subscriber_id,
                name=event.name,
                subject=event.subject,
                occurred_at=event.occurred_at,
                received_at=now,
                source=event.source,
                idempotency_key=event.idempotency_key,
                properties=dict(event.properties),
                amount=event.amount,
                historic=event.historic,
                processed_at=now if event.historic else None,
            ),
        )
    # In the order of their keys, so that two at once wait for each other instead of locking each other out.
    keys = sorted(rows)
    with transaction.atomic(savepoint=False):
        for start in range(0, len(keys), SLICE):
            batch = [_stored(rows[key]) for key in keys[start : start + SLICE]]
            for source, key, pk in insert_new_rows(
                Event, _COLUMNS, batch, returning=["source", "idempotency_key", "id"]
            ):
                rows[source, key].pk = pk
        new = [row for row in rows.values() if row.pk]
        if new:
            hooks.event_recorded(events=new)
    return new


def _stored(event: Event) -> tuple[object, ...]:
    """The event's columns as the database's driver takes them."""
    return (
        stored_uuid(event.uuid),
        event.subscriber_id,
        event.name,
        event.subject,
        stored_moment(event.occurred_at),
        stored_moment(event.received_at),
        event.source,
        event.idempotency_key,
        json_parameter(event.properties),
        event.amount,
        event.historic,
        stored_moment(event.processed_at) if event.processed_at else None,
    )


def take_events(*, events: Sequence[GivenEvent], source: str, may_create: bool, at: dt.datetime | None = None) -> Taken:
    """Store what another system says that people did; what is wrong is refused one by one.

    ``source`` names the system: its ids for people and its idempotency keys are its own. Whoever is not known by address is
    created where ``may_create``, joined to nothing; otherwise the event is refused.
    """
    now = at or clock.now()
    reasons = [problem_of(event, now=now) for event in events]
    good = [index for index, reason in enumerate(reasons) if not reason]
    found = find_people(references=[events[index].person for index in good], source=source)
    people = dict(zip(good, found.ids, strict=True))
    foreign = dict(zip(good, found.foreign, strict=True))
    with transaction.atomic():
        if may_create:
            people |= _created(events, [index for index in good if people[index] is None], source, now)
        wanted = {
            index: _new(events[index], person, source, now) for index, person in people.items() if person is not None
        }
        stored = {event.idempotency_key for event in record_events(events=list(wanted.values()))}
    fates: list[tuple[Fate, str]] = []
    for index, reason in enumerate(reasons):
        if reason or index not in wanted:
            fates.append((Fate.REFUSED, reason or _("email: nobody is known by it, nor by the other names given")))
        elif wanted[index].idempotency_key in stored:
            # The second of two with one key is the duplicate of the first.
            stored.remove(wanted[index].idempotency_key)
            fates.append((Fate.STORED, ""))
        else:
            fates.append((Fate.DUPLICATE, ""))
    return Taken(fates, [foreign.get(index, False) for index in range(len(events))])


def take_event(*, event: GivenEvent, source: str, may_create: bool) -> Taken:
    """``take_events`` for one event. Outside of a transaction it shares one with whoever comes at the same time."""
    if transaction.get_connection().in_atomic_block:
        return take_events(events=[event], source=source, may_create=may_create)
    return _grouping(source, may_create).do(event)


@cache
def _grouping(source: str, may_create: bool) -> Grouping[GivenEvent, Taken]:
    """One for each kind of caller in this process; there are only as many as keys differ."""

    def take(events: Sequence[GivenEvent]) -> list[Taken]:
        taken = take_events(events=events, source=source, may_create=may_create)
        return [Taken([fate], [foreign]) for fate, foreign in zip(taken.fates, taken.foreign, strict=True)]

    return Grouping(take)


def _created(
    events: Sequence[GivenEvent], unknown: Sequence[int], source: str, now: dt.datetime
) -> dict[int, int | None]:
    """New people for the events whose address nobody has; who was erased stays so."""
    by_address = [index for index in unknown if events[index].person.email]
    if not by_address:
        return {}
    rows = [
        SubscriberRow(email=events[index].person.email, external_id=events[index].person.external_id)
        for index in by_address
    ]
    result = upsert_subscribers(rows=rows, source=source, at=now)
    return dict(zip(by_address, result.ids, strict=True))


def _new(event: GivenEvent, person: int, source: str, now: dt.datetime) -> NewEvent:
    # Set apart from the keys under which orders and carts of the same source record theirs.
    key = f"api:{event.idempotency_key}" if event.idempotency_key else f"once:{uuid.uuid4().hex}"
    return NewEvent(
        subscriber_id=person,
        name=event.name,
        occurred_at=event.occurred_at or now,
        source=source,
        idempotency_key=key,
        subject=event.subject,
        properties=event.properties,
        amount=event.amount,
        historic=event.historic,
    )
