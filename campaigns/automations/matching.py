"""What an event means for automations: whom it brings in, whom it ends, whose wait it ends, what it touches once more.

Pure: it knows events and enrolments as plain facts, so that a simulation asks the very same questions.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Literal, Protocol
from uuid import UUID

from campaigns.automations.nodes import (
    ABOUT,
    ACTIVITY,
    Definition,
    EventExit,
    EventMatch,
    EventTrigger,
    PropertyFilter,
    WaitForStep,
)
from campaigns.automations.types import Arrival

LONGEST_KEY = 160
ONCE = "once"
PERSON = "person"
_UNITS = 10_000
_ANY = "\0"
"""Stands for whatever subject; no event has one that is spelt so."""

_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class EventFacts:
    """A stored event as matching reads it. ``amount`` is in ten-thousandths of the shop currency."""

    uuid: UUID
    subscriber_id: int
    name: str
    subject: str
    source: str
    occurred_at: dt.datetime
    received_at: dt.datetime
    amount: int | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)

    @property
    def at(self) -> dt.datetime:
        """When it happened: as its source says, but not after we heard of it, for nobody tells of the future."""
        return min(self.occurred_at, self.received_at)

    @property
    def products(self) -> list[str]:
        """The codes of the products it speaks of."""
        listed = self.properties.get("products")
        codes = [code for code in listed if isinstance(code, str)] if isinstance(listed, list) else []
        return codes or ([self.subject] if ABOUT.get(self.name) == "product" and self.subject else [])


class InIt(Protocol):
    """What of an enrolment matters here; the model has it, and so has a simulated one."""

    entry_key: str
    started_at: dt.datetime
    came_at: dt.datetime
    event: UUID | None
    context: Any


@dataclass(frozen=True)
class Live:
    """An automation that people may come into, as it is published now."""

    automation_id: int
    recipe: str
    version_id: int
    definition: Definition
    topic_id: int | None


class Matcher:
    """The live automations by what brings people in: the name of an event and, where they ask for one, its subject."""

    def __init__(self, lives: Sequence[Live]) -> None:
        self._brings: dict[tuple[str, str], list[tuple[Live, EventMatch]]] = {}
        self._names: set[str] = set()
        for live in lives:
            self._names |= live.definition.event_names()
            trigger = live.definition.trigger
            if isinstance(trigger, EventTrigger):
                for place in product(trigger.match.names, _subjects_asked_for(trigger.match)):
                    self._brings.setdefault(place, []).append((live, trigger.match))

    def cares(self, name: str) -> bool:
        """Whether events of this name mean anything to any of them."""
        return name in self._names

    def arrivals(self, event: EventFacts) -> list[tuple[int, Arrival]]:
        """Whom the event names, by the id of the automation; whether they come in is for ``entering`` to say."""
        listed = [*self._brings.get((event.name, _ANY), ()), *self._brings.get((event.name, event.subject), ())]
        return [
            (live.automation_id, arrival(live.definition, event)) for live, match in listed if matches(match, event)
        ]


def _subjects_asked_for(match: EventMatch) -> set[str]:
    """The subjects one of which an event must have to pass, as the first such filter says."""
    for one in match.where:
        if one.field == "subject" and one.op in ("is", "in"):
            return {str(value) for value in (one.value if isinstance(one.value, tuple) else [one.value])}
    return {_ANY}


def arrival(definition: Definition, event: EventFacts) -> Arrival:
    """The person of an event that matches the trigger, for what it is about."""
    again, trigger = definition.entry.again, definition.trigger
    by = trigger.key if isinstance(trigger, EventTrigger) else "subject"
    given = {"subject": event.subject, "event": str(event.uuid), "person": PERSON if again == "once_per_key" else ""}
    key = entry_key(again, given[by], fresh=str(event.uuid))
    return Arrival(event.subscriber_id, key, event.at, context(event), event.uuid)


def entry_key(again: str, key: str, *, fresh: str) -> str:
    """The key under which somebody comes in for ``key``; ``fresh`` is one that nobody had yet.

    ``once`` knows one key alone. After an exit each coming is its own, and so is one for nothing in particular.
    """
    if again == "once":
        return ONCE
    if again == "after_exit" or not key:
        return fresh
    return key if len(key) <= LONGEST_KEY else hashlib.sha256(key.encode()).hexdigest()


def filed_under(again: str, arrival: Arrival) -> str:
    """The key under which it is noted that somebody stayed out: one for each thing, also where every coming is its own."""
    if again != "after_exit":
        return arrival.entry_key
    return str(arrival.context.get("key") or PERSON)[:LONGEST_KEY]


def context(event: EventFacts) -> dict[str, Any]:
    """What the mails may speak of; see ``Arrival``."""
    return {
        "about": ABOUT.get(event.name, ""),
        "source": event.source,
        "key": event.subject,
        "event": event.name,
        "at": event.at.isoformat(),
        "products": event.products,
        "total": event.amount,
        "data": dict(event.properties),
    }


def matches(match: EventMatch, event: EventFacts) -> bool:
    """Whether the event has one of the names and passes every filter."""
    if event.name not in match.names:
        return False
    # A plain loop: this is asked for every event and automation.
    for one in match.where:  # noqa: SIM110
        if not _holds(one, event):
            return False
    return True


def ends(exit: EventExit, event: EventFacts, enrolment: InIt) -> bool:
    """Whether the event ends the enrolment: it matches, is late enough, and about what the exit says.

    What brought somebody in never ends that. What names the very cart they came in for ends it whenever it was.
    """
    if event.uuid == enrolment.event or not matches(exit.match, event):
        return False
    if _names_cart(event, enrolment):
        return True
    return event.at >= enrolment.started_at - exit.back.delta and _is_about(exit.about, event, enrolment)


def happened(step: WaitForStep, event: EventFacts, enrolment: InIt) -> bool:
    """Whether this is the event that somebody at ``step`` waits for: it happened since they came there."""
    if step.match is None or event.uuid == enrolment.event or not matches(step.match, event):
        return False
    return event.at >= enrolment.came_at and _is_about(step.about, event, enrolment)


def touches(definition: Definition, event: EventFacts, enrolment: InIt) -> bool:
    """Whether the event is activity on what brought somebody in: it would come under the same key.

    ``where`` of the trigger does not count: a cart that became smaller was touched all the same.
    """
    trigger = definition.trigger
    if not isinstance(trigger, EventTrigger) or event.name not in trigger.match.names | ACTIVITY:
        return False
    return trigger.key == "person" or _is_about("same", event, enrolment)


def _holds(one: PropertyFilter, event: EventFacts) -> bool:
    """A list holds when any of its values does, and ``is_not`` when none is the value."""
    found = _value(one.field, event)
    if found is None:
        return False
    if one.op == "is_not":
        return (
            not any(_same(value, one.value) for value in found)
            if isinstance(found, list)
            else not _same(found, one.value)
        )
    return any(_compares(one, value) for value in found) if isinstance(found, list) else _compares(one, found)


def _value(name: str, event: EventFacts) -> Any:
    if name == "subject":
        return event.subject or None
    if name == "amount":
        return None if event.amount is None else event.amount / _UNITS
    return event.properties.get(name)


def _compares(one: PropertyFilter, value: Any) -> bool:
    if one.op == "is":
        return _same(value, one.value)
    if one.op == "in":
        return isinstance(one.value, tuple) and any(_same(value, wanted) for wanted in one.value)
    return _is_number(value) and bool(_ORDERS[one.op](value, one.value))


def _same(value: Any, wanted: Any) -> bool:
    """Yes and no are no numbers, as they are in Python."""
    return bool(value == wanted) and isinstance(value, bool) == isinstance(wanted, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_about(about: Literal["any", "same", "shared"], event: EventFacts, enrolment: InIt) -> bool:
    if about == "any":
        return True
    if about == "shared":
        return not set(event.products).isdisjoint(enrolment.context.get("products") or ())
    if _names_cart(event, enrolment):
        return True
    # An order and a cart may have the same number by chance.
    kinds = {ABOUT.get(event.name, ""), enrolment.context.get("about", "")} - {""}
    return len(kinds) < 2 and bool(event.subject) and event.subject in _subjects(enrolment)


def _subjects(enrolment: InIt) -> tuple[str, str]:
    """What somebody came in for, by the names under which events know it."""
    return enrolment.entry_key, enrolment.context.get("key", "")


def _names_cart(event: EventFacts, enrolment: InIt) -> bool:
    """Whether it is an order of the cart that somebody came in for."""
    cart = event.properties.get("cart")
    about = enrolment.context.get("about") or "cart"
    return isinstance(cart, str) and bool(cart) and about == "cart" and cart in _subjects(enrolment)
