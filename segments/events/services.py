"""Storing what people did, each thing once."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from personalize.core import clock, hooks
from segments.events.models import Event
from segments.events.types import NewEvent

SLICE = 1000


def record_events(*, events: Sequence[NewEvent]) -> list[Event]:
    """Store the events that are new by (source, idempotency key), and return those.

    Historic events are born processed: they are evidence, never a trigger.
    """
    now = clock.now()
    rows = {
        (event.source, event.idempotency_key): Event(
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
        )
        for event in reversed(events)
    }
    wanted = list(reversed(rows.values()))
    with transaction.atomic():
        new: list[Event] = []
        for start in range(0, len(wanted), SLICE):
            batch = wanted[start : start + SLICE]
            Event.objects.bulk_create(batch, ignore_conflicts=True)
            ids = dict(Event.objects.filter(uuid__in=[row.uuid for row in batch]).values_list("uuid", "pk"))
            for row in batch:
                if row.uuid in ids:
                    row.pk = ids[row.uuid]
                    new.append(row)
        if new:
            hooks.event_recorded(events=new)
    return new
