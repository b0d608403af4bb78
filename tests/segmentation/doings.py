"""What people did, for tests of rules: rows made with one call, random events, and a naive reading of rules about them."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

from segments.events.models import Event
from segments.subscribers.models import Subscriber

_number = itertools.count(1)


def make_event(subscriber: Subscriber, name: str, at: dt.datetime, **fields: Any) -> Event:
    """An event, straight into the table; ``data`` are its properties, and it was received when it happened unless told."""
    received = fields.pop("received_at", at)
    return Event.objects.create(
        subscriber=subscriber,
        name=name,
        occurred_at=at,
        received_at=received,
        source="shop",
        idempotency_key=f"doing-{next(_number)}",
        properties=fields.pop("data", {}),
        historic=True,
        processed_at=received,
        **fields,
    )
