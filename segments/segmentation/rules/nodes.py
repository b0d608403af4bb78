"""The nodes of a rule tree: plain frozen data that knows neither Django nor SQL.

A node carries all that its sentence and its SQL need (labels, types, the tree of a segment it names), so that only reading
a rule asks the database. Money is in ten-thousandths of the shop currency's main unit, times are aware and in UTC.
"""

from __future__ import annotations

import datetime as dt
import typing
import uuid
from dataclasses import dataclass
from typing import Literal, TypeAlias

Unit: TypeAlias = Literal["minutes", "hours", "days", "weeks", "months"]
CalendarUnit: TypeAlias = Literal["day", "week", "month", "year"]
# Of one type within a rule, which is why comparing two of them is sound.
Value: TypeAlias = typing.Any


@dataclass(frozen=True)
class Offset:
    """A day or an instant relative to the one asked about: so many units later, or earlier where ``count`` is negative."""

    count: int
    unit: Unit


Scalar: TypeAlias = str | int | float | bool | dt.date | dt.datetime | Offset


@dataclass(frozen=True)
class Node:
    """Something that is true or false of a person."""


@dataclass(frozen=True)
class Group(Node):
    """Joins other nodes."""

    children: tuple[Node, ...]


@dataclass(frozen=True)
class All(Group):
    """True when every child is; without children, true of everybody."""


@dataclass(frozen=True)
class Any(Group):
    """True when at least one child is."""


@dataclass(frozen=True)
class None_(Group):
    """True when no child is: what is not known counts as not true, so such people are in."""


@dataclass(frozen=True)
class Field:
    """Something known of a person. ``column`` is empty for registered attributes, which live in JSON.

    ``type`` is one of the attribute types, or ``code`` for exact texts such as a country.
    """

    key: str
    label: str
    type: str
    column: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class AttributeRule(Node):
    """Compares a field with ``values``: none for "is known", two for "between", any number for lists.

    ``zone`` is the time zone of people who have none, for fields that are judged by a person's own calendar.
    """

    field: Field
    op: str
    values: tuple[Scalar, ...] = ()
    zone: str = "UTC"


@dataclass(frozen=True)
class NearRule(Node):
    """Within ``km`` kilometres of a point in degrees, as the crow flies."""

    latitude: float
    longitude: float
    km: float


@dataclass(frozen=True)
class Anchor:
    """An instant of a person's own from which a window is measured. ``of`` says which one, where the kind has many.

    ``field`` is the date on file that is meant; it begins at midnight by the person's clock, ``zone`` standing in where
    theirs is not known.
    """

    kind: str
    of: str = ""
    label: str = ""
    field: Field | None = None
    zone: str = "UTC"


@dataclass(frozen=True)
class Window:
    """A half-open span of time, all of it before the instant asked about.

    At most one of: ``last`` reaches back from that instant; ``calendar`` is the day, week (from Monday), month or year
    so many (0, -1, …) from the present one, by the clocks of ``zone`` or, where ``own``, of each person, ``zone`` standing
    in where it is not known; ``since`` and ``until`` an anchor begin or end it; otherwise ``start`` and ``end`` do.
    """

    last: tuple[int, Unit] | None = None
    calendar: tuple[CalendarUnit, int] | None = None
    own: bool = False
    zone: str = "UTC"
    since: Anchor | None = None
    until: Anchor | None = None
    start: dt.datetime | None = None
    end: dt.datetime | None = None


@dataclass(frozen=True)
class EventFilter:
    """What an event must be like. ``field`` is ``subject``, ``amount`` (ten-thousandths), ``category`` or ``brand`` of the
    product that it is about, or ``data.<name>`` for a property, whose value has the type of what it is compared with.
    """

    field: str
    op: str
    values: tuple[str | int | float | bool, ...] = ()


@dataclass(frozen=True)
class Happening:
    """Events of one name that meet every filter."""

    name: str
    where: tuple[EventFilter, ...] = ()


@dataclass(frozen=True)
class EventRule(Node):
    """A figure over a person's events, compared with ``values``: two for "between"; times for ``first`` and ``last``.

    ``of`` is what is added up or told apart: ``amount`` (ten-thousandths), ``subject``, or ``data.<name>``.
    """

    happening: Happening
    metric: str
    op: str
    values: tuple[Value, ...]
    of: str = ""
    window: Window = Window()


@dataclass(frozen=True)
class SequenceRule(Node):
    """After one ``first`` event in the window came a ``then`` event, or, where not ``came``, none did.

    ``within`` bounds how soon after; that none came is only true once that time is over.
    """

    first: Happening
    then: Happening
    came: bool
    within: tuple[int, Unit] | None = None
    window: Window = Window()


@dataclass(frozen=True)
class LineFilter:
    """What an order's line must be like: money in ten-thousandths, texts as the shop wrote them."""

    field: str
    op: str
    values: tuple[str | int, ...]


@dataclass(frozen=True)
class OrdersRule(Node):
    """A figure over a person's orders, compared with ``values``: two for "between"; times for ``first`` and ``last``."""

    metric: str
    op: str
    values: tuple[Value, ...]
    where: tuple[LineFilter, ...] = ()
    window: Window = Window()
    gross: bool = False


@dataclass(frozen=True)
class TopicRule(Node):
    """How a person stands to a topic; ``not_subscribed`` includes people who were never asked."""

    key: str
    name: str
    state: str


@dataclass(frozen=True)
class ListRule(Node):
    """Whether a person is on a static list; ``inside`` false asks for everybody who is not."""

    uuid: uuid.UUID
    name: str
    inside: bool


@dataclass(frozen=True)
class SegmentRule(Node):
    """Another segment, read in with its tree. ``stored``: it is a snapshot, so who was in it when that was taken counts."""

    uuid: uuid.UUID
    name: str
    tree: Node
    stored: bool = False


@dataclass(frozen=True)
class BucketRule(Node):
    """A share of people by the hash of ``salt`` and person, from ``first`` to ``last`` of 10,000, both included."""

    salt: str
    first: int
    last: int
