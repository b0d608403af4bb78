"""What an automation says, as plain frozen data: its trigger, who comes in and goes out, and its steps.

Knows no Django. ``definition`` makes these of JSON. Rules stay rule JSON here: only the database can answer them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from personalize.core.localtime import Window

RuleJson: TypeAlias = Mapping[str, Any]
Scalar: TypeAlias = str | int | float | bool
Unit: TypeAlias = Literal["minutes", "hours", "days", "weeks"]


@dataclass(frozen=True)
class Duration:
    """A length of time; a day is 24 hours."""

    count: int
    unit: Unit

    @property
    def delta(self) -> dt.timedelta:
        return dt.timedelta(**{self.unit: self.count})


@dataclass(frozen=True)
class PropertyFilter:
    """Compares a property of an event, ``amount`` (main units) or ``subject`` with a value; a missing one never holds."""

    field: str
    op: Literal["is", "is_not", "in", "<", "<=", ">", ">="]
    value: Scalar | tuple[Scalar, ...]


@dataclass(frozen=True)
class EventMatch:
    """Events of one of these names that pass every filter."""

    names: frozenset[str]
    where: tuple[PropertyFilter, ...] = ()


# --- how people come in -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class EventTrigger:
    """An event brings its person in. ``key`` says what the entry key is: the event's subject (a cart, an order, a topic, a
    segment), the event itself, or nothing but the person. An event that is older than ``late`` brings nobody in.

    ``joining`` is what JSON calls the trigger: ``event``, ``order``, ``subscribed``, ``joined`` or ``left``.
    """

    match: EventMatch
    key: Literal["subject", "event", "person"] = "subject"
    late: Duration = Duration(6, "hours")
    joining: str = "event"


@dataclass(frozen=True)
class DateTrigger:
    """A day in the person's own calendar: ``field`` is ``birthday``, ``first_order``, ``joined`` or the key of a date
    attribute.

    The person comes in when it is ``at`` on the day ``offset`` days after it, in their zone; ``every`` says whether each
    year (from the second on, where the first is known) or once. 29 February is kept on ``feb29`` in other years, before the
    offset is counted. Whoever may be less than a day ``late`` still comes in on that very day only.
    """

    field: str
    every: Literal["year", "once"] = "year"
    offset: int = 0
    at: dt.time = dt.time(9)
    feb29: Literal["feb28", "mar01", "leap_only"] = "feb28"
    late: Duration = Duration(20, "hours")


@dataclass(frozen=True)
class QuietTrigger:
    """Nothing was heard of the person for ``after``: no order, no human click, or neither; counted from the last one.

    Whoever never did it does not come in.
    """

    what: Literal["orders", "clicks", "both"]
    after: Duration
    late: Duration = Duration(7, "days")


@dataclass(frozen=True)
class CallTrigger:
    """Nobody comes in by themselves: the API or a person in the dashboard names them."""


Trigger: TypeAlias = EventTrigger | DateTrigger | QuietTrigger | CallTrigger


@dataclass(frozen=True)
class Entry:
    """Who may come in, and when again.

    ``again``: once ever, once for each entry key, when no other enrolment is open, or always. ``cooldown`` counts from
    ``cooldown_from``. ``no_order_since`` keeps out whoever ordered so long before what brought them in, or since.
    ``gives_way_to`` names recipes: whoever is in a live automation made from one of them stays out of this one, and leaves it.
    """

    rule: RuleJson | None = None
    again: Literal["once", "once_per_key", "after_exit", "always"] = "once_per_key"
    cooldown: Duration | None = None
    cooldown_from: Literal["entry", "exit", "last_message"] = "last_message"
    no_order_since: Duration | None = None
    gives_way_to: tuple[str, ...] = ()


@dataclass(frozen=True)
class EventExit:
    """Ends the enrolment at once when its person does this.

    ``about`` any: whatever it is about; same: its subject, or ``cart`` property, is the entry key; shared: it has a product
    of what brought them in. Events from ``back`` before that count too: clocks of shops disagree.
    """

    match: EventMatch
    reason: str
    about: Literal["any", "same", "shared"] = "any"
    back: Duration = Duration(15, "minutes")


@dataclass(frozen=True)
class RuleExit:
    """Ends the enrolment before its next action when the rule holds."""

    rule: RuleJson
    reason: str


# --- steps --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that happens to a person on the way. ``next`` is the id of the following step, empty at the end."""

    id: str
    name: str = ""
    next: str = ""

    def outlets(self) -> dict[str, str]:
        """The ids that may follow, by the name of the way there."""
        return {"next": self.next}


@dataclass(frozen=True, kw_only=True)
class MailStep(Step):
    """Sends the template. In mode draft nothing is sent, in mode review somebody is asked for each mail.

    A mail later than ``late`` after its time is skipped. ``minimum`` (main units) and sold-out lines skip a cart's mail.
    """

    template: str
    mode: Literal["draft", "review", "live"] = "live"
    window: Window | None = None
    late: Duration = Duration(24, "hours")
    minimum: float | None = None


@dataclass(frozen=True, kw_only=True)
class WaitStep(Step):
    """Waits so long, from coming here or from the ``since`` last activity of what brought them in (``most`` after the start
    at the latest)."""

    duration: Duration
    since: Literal["here", "activity"] = "here"
    most: Duration | None = None


@dataclass(frozen=True, kw_only=True)
class WaitTimeStep(Step):
    """Waits until it is ``at`` where the person lives, on one of these ISO weekdays."""

    at: dt.time
    days: frozenset[int] = frozenset(range(1, 8))


@dataclass(frozen=True, kw_only=True)
class WaitDateStep(Step):
    """Waits until ``at`` on the day ``offset`` days after a date of the person (see DateTrigger); passes when it is over."""

    field: str
    offset: int = 0
    at: dt.time = dt.time(9)


@dataclass(frozen=True, kw_only=True)
class WaitForStep(Step):
    """Waits for an event, or until a rule holds, at most so long; ``next`` when it came, ``late`` when not.

    ``about`` as in EventExit, for events.
    """

    match: EventMatch | None
    rule: RuleJson | None
    most: Duration
    about: Literal["any", "same", "shared"] = "any"
    late: str = ""

    def outlets(self) -> dict[str, str]:
        return {"next": self.next, "late": self.late}


@dataclass(frozen=True, kw_only=True)
class BranchStep(Step):
    """Goes to ``next`` when the rule holds, else to ``no``."""

    rule: RuleJson
    no: str = ""

    def outlets(self) -> dict[str, str]:
        return {"next": self.next, "no": self.no}


@dataclass(frozen=True)
class Way:
    """One way of a split, taken by so many percent."""

    share: int
    next: str = ""


@dataclass(frozen=True, kw_only=True)
class SplitStep(Step):
    """Sends people on by a steady chance; the shares sum up to 100."""

    ways: tuple[Way, ...]

    def outlets(self) -> dict[str, str]:
        return {f"way{number}": way.next for number, way in enumerate(self.ways, start=1)}


@dataclass(frozen=True, kw_only=True)
class SetStep(Step):
    """Sets an attribute; None removes it."""

    attribute: str
    value: Any


@dataclass(frozen=True, kw_only=True)
class ListStep(Step):
    """Puts the person on a static list, or takes them off."""

    list: str
    on: bool = True


@dataclass(frozen=True, kw_only=True)
class TopicStep(Step):
    """Subscribes the person to a topic, as far as they have not left it."""

    topic: str


@dataclass(frozen=True, kw_only=True)
class WebhookStep(Step):
    """Tells another system, signed, once."""

    endpoint: str


@dataclass(frozen=True, kw_only=True)
class NotifyStep(Step):
    """Tells the team by mail."""

    to: tuple[str, ...]
    text: str


@dataclass(frozen=True, kw_only=True)
class ExitStep(Step):
    """Ends the enrolment with a reason of its own."""

    reason: str

    def outlets(self) -> dict[str, str]:
        return {}


@dataclass(frozen=True)
class Definition:
    """All of it. ``steps`` by id, in the order in which they were written; ``first`` is where everybody begins.

    ``one_at_a_time``: of a person's several enrolments (carts) only that with the newest activity goes on to a mail; the
    others end as superseded.
    """

    trigger: Trigger
    first: str
    steps: Mapping[str, Step]
    entry: Entry = Entry()
    exits: tuple[EventExit | RuleExit, ...] = ()
    one_at_a_time: bool = False
    guarded: bool = False
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def mails(self) -> Iterator[MailStep]:
        """The steps that send something."""
        return (step for step in self.steps.values() if isinstance(step, MailStep))

    def event_names(self) -> frozenset[str]:
        """The names of all events that mean anything to it."""
        names: set[str] = set(ACTIVITY) if self.rearms() else set()
        if isinstance(self.trigger, EventTrigger):
            names |= self.trigger.match.names
        for exit in self.exits:
            if isinstance(exit, EventExit):
                names |= exit.match.names
        for step in self.steps.values():
            if isinstance(step, WaitForStep) and step.match is not None:
                names |= step.match.names
        return frozenset(names)

    def rearms(self) -> bool:
        """Whether a step waits since the last activity of what brought people in."""
        return any(isinstance(step, WaitStep) and step.since == "activity" for step in self.steps.values())


ACTIVITY = frozenset({"cart_updated", "checkout_started", "product_viewed"})
"""Events after which something that people may have left behind was touched once more."""

ABOUT: Mapping[str, str] = {
    "cart_updated": "cart",
    "cart_emptied": "cart",
    "checkout_started": "cart",
    "product_viewed": "product",
    "price_dropped": "product",
    "back_in_stock": "product",
    **dict.fromkeys(
        ("order_placed", "order_paid", "order_fulfilled", "order_delivered", "order_cancelled", "order_refunded"),
        "order",
    ),
}
"""What the subject of an event names."""
