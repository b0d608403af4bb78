"""What a change of consent comes to."""

from __future__ import annotations

import enum
from dataclasses import dataclass


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
