"""What events hears from below: a person who joined a topic by their own word is an event."""

from __future__ import annotations

from typing import Any

from segments.consent.models import ConsentAction, ConsentEntry, Topic
from segments.events.services import record_events
from segments.events.types import NewEvent
from segments.subscribers.models import Subscriber


def on_consent_changed(*, subscriber: Subscriber, topic: Topic | None, entry: ConsentEntry | None, **_: Any) -> None:
    """Record ``subscription_confirmed`` once for every joining or confirmation."""
    if topic is None or entry is None or entry.action not in (ConsentAction.SUBSCRIBED, ConsentAction.CONFIRMED):
        return
    record_events(
        events=[
            NewEvent(
                subscriber_id=subscriber.pk,
                name="subscription_confirmed",
                subject=topic.key,
                occurred_at=entry.at,
                source="consent",
                idempotency_key=f"entry:{entry.pk}",
            )
        ]
    )
