"""An event on its way in, and what became of it."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from segments.subscribers.lookup import Reference


@dataclass(frozen=True)
class NewEvent:
    """Something a person did. ``amount`` is in ten-thousandths of the shop currency; ``historic`` never triggers."""

    subscriber_id: int
    name: str
    occurred_at: dt.datetime
    source: str
    idempotency_key: str
    subject: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)
    amount: int | None = None
    historic: bool = False


@dataclass(frozen=True)
class GivenEvent:
    """An event as another system gives it. Without ``occurred_at`` it happened now, without a key it is always new."""

    person: Reference
    name: str
    occurred_at: dt.datetime | None = None
    subject: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)
    amount: int | None = None
    idempotency_key: str = ""
    historic: bool = False


class Fate(enum.Enum):
    """What became of an event that was given."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


@dataclass(frozen=True)
class Taken:
    """What became of each event, in order, with the reason of the refused ones.

    ``foreign`` says of each whether its person was named by an id that belongs to another source.
    """

    fates: Sequence[tuple[Fate, str]]
    foreign: Sequence[bool]
