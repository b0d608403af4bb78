"""What people did, for tests of rules: rows made with one call, random events, and a naive reading of rules about them."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from typing import Any

from campaigns.delivery.models import Mailing, Message
from campaigns.delivery.types import MessageState
from segments.events.models import Event
from segments.subscribers.models import Subscriber
from tests.factories import NOW

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


def make_message(subscriber: Subscriber, mailing: Mailing, **fields: Any) -> Message:
    """A message, straight into the table; sent as long as no ``state`` is given."""
    number = next(_number)
    return Message.objects.create(
        uuid=uuid.uuid4(),
        mailing=mailing,
        subscriber=subscriber,
        address_key=f"{subscriber.pk}-{number}",
        dedupe_key=str(number),
        **{"state": MessageState.SENT, "created_at": NOW - dt.timedelta(days=400), **fields},
    )
