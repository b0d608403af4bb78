"""What becomes of a doubt nobody settles: after three days without evidence it is left as it is, and says so.

Most messages in doubt were in truth accepted, so leaving them is right far more often than sending them again.
"""

from __future__ import annotations

import datetime as dt

from campaigns.delivery.models import Message
from campaigns.delivery.types import MessageState
from personalize.core.clock import now

EVIDENCE_WITHIN = dt.timedelta(hours=72)
EVERY = dt.timedelta(hours=1)

_looked_at: dt.datetime | None = None


def look() -> bool:
    """Once an hour, leave the doubts whose time for evidence is over; true when there were any."""
    global _looked_at
    at = now()
    if _looked_at is not None and at - _looked_at < EVERY:
        return False
    _looked_at = at
    return bool(leave_unanswered(at=at))


def leave_unanswered(*, at: dt.datetime) -> int:
    """Stamp doubts handed over more than EVIDENCE_WITHIN before ``at`` as left; late evidence still settles them."""
    return Message.objects.filter(
        state=MessageState.IN_DOUBT, settled_at__isnull=True, handed_at__lt=at - EVIDENCE_WITHIN
    ).update(settled_at=at, settled_by="no evidence within 72 hours")
