"""What a change of consent comes to."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class Outcome(enum.Enum):
    """What became of somebody's word."""

    CHANGED = "changed"
    PENDING = "pending"  # Waits until the person confirms.
    UNCHANGED = "unchanged"  # It already was so; nothing was written.
    REFUSED = "refused"  # The person was erased, or complained and cannot be joined again.


class Unsuppressed(enum.Enum):
    """What became of the wish to mail an address again."""

    REMOVED = "removed"
    NOTHING = "nothing"
    ERASED_STAYS = "erased"


@dataclass(frozen=True)
class BulkCounts:
    """What became of many people at once; ``kept_out`` left, complained, bounced, were barred or were erased before."""

    subscribed: int
    pending: int
    unchanged: int
    kept_out: int

    def __add__(self, other: BulkCounts) -> BulkCounts:
        return BulkCounts(
            self.subscribed + other.subscribed,
            self.pending + other.pending,
            self.unchanged + other.unchanged,
            self.kept_out + other.kept_out,
        )


@dataclass(frozen=True)
class Choices:
    """What a person chose in their preference centre; None and nothing leave what is stored alone.

    ``join`` and ``leave`` are keys of topics, ``pause_days`` 0 ends a pause, ``profile`` has the names and meanings of
    SubscriberRow's fields.
    """

    join: frozenset[str] = frozenset()
    leave: frozenset[str] = frozenset()
    pause_days: int | None = None
    rhythm: str | None = None
    tracking: bool | None = None
    profile: Mapping[str, Any] = field(default_factory=dict)

    @property
    def only_reduce(self) -> bool:
        """Whether it all makes for less mail and less tracking, and says nothing of the person."""
        return not (self.join or self.pause_days == 0 or self.rhythm == "" or self.tracking or self.profile)
