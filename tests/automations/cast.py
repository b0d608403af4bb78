"""What the tests of entering, leaving and waiting share: an abandoned cart, and events straight into the table."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from campaigns.automations.enrolling import sweep_events
from campaigns.automations.models import Automation, Enrolment, LeftOut
from segments.events.models import Event
from segments.subscribers.models import Subscriber
from tests.factories import NOW, make_automation

MINUTE = dt.timedelta(minutes=1)
HOUR = 60 * MINUTE

CART: dict[str, Any] = {
    "v": 1,
    "trigger": {"on": "event", "event": ["cart_updated", "checkout_started"]},
    "entry": {"no_order_since": [15, "minutes"]},
    "exits": [
        {"event": "order_placed", "reason": "ordered"},
        {"event": "cart_emptied", "about": "same", "reason": "emptied"},
    ],
    "one_at_a_time": True,
    "steps": [{"id": "wait", "type": "wait", "for": [2, "hours"], "since": "activity", "most": [24, "hours"]}],
}


def make_cart_automation(name: str = "Cart", **parts: Any) -> Automation:
    """A live automation for carts left behind; ``parts`` replace those of its definition, but for a model's fields."""
    fields = {key: parts.pop(key) for key in ("topic", "recipe", "live") if key in parts}
    return make_automation(name, definition={**CART, **parts}, **fields)


def make_event(
    person: Subscriber, name: str = "cart_updated", subject: str = "cart-77", at: dt.datetime = NOW, **fields: Any
) -> Event:
    """An event that nobody has looked at yet, received when it happened."""
    given = {"source": "shop", "idempotency_key": uuid.uuid4().hex, "received_at": at, **fields}
    return Event.objects.create(subscriber=person, name=name, subject=subject, occurred_at=at, **given)


def sweep(at: dt.datetime) -> None:
    """Look until nothing is left to be looked at."""
    while sweep_events(at):
        pass


def states(automation: Automation) -> dict[str, str]:
    """Where everybody is: the reason of those who left, else the state, by entry key."""
    rows = Enrolment.objects.filter(automation=automation).values_list("entry_key", "state", "reason")
    return {key: reason or state for key, state, reason in rows}


def left_out(automation: Automation) -> dict[str, str]:
    return dict(LeftOut.objects.filter(automation=automation).values_list("entry_key", "reason"))
