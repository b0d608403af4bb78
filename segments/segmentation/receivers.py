"""What segments hear from below and above: whose facts changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from segments.events.models import Event
from segments.segmentation.touching import touch
from segments.subscribers.models import Subscriber


def on_event_recorded(*, events: Sequence[Event], **_: Any) -> None:
    for historic in (False, True):
        touch({event.subscriber_id for event in events if event.historic is historic}, imported=historic)


def on_consent_changed(*, subscriber: Subscriber, **_: Any) -> None:
    touch([subscriber.pk])


def on_people_changed(*, subscriber_ids: Iterable[int] | None, imported: bool = False, **_: Any) -> None:
    touch(subscriber_ids, imported=imported)


def on_outcome_applied(*, message: Any, **_: Any) -> None:
    touch([message.subscriber_id])
