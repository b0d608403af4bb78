"""How far a campaign is: figures from its rows, the rate of the last minute, and the time it leaves."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from campaigns.delivery.models import Message
from campaigns.delivery.types import OPEN_STATES, MessageState
from campaigns.scheduled.models import Campaign
from personalize.core.clock import now

MINUTE = dt.timedelta(seconds=60)


@dataclass(frozen=True)
class Progress:
    """Counts of people; ``rate`` in mails a second over the last minute, ``left`` None while nothing moves."""

    total: int
    sent: int
    skipped: int
    failed: int
    in_doubt: int
    open: int
    rate: float
    left: dt.timedelta | None

    @property
    def rest(self) -> int:
        """Everyone settled without a mail sent for sure."""
        return self.skipped + self.failed + self.in_doubt

    @property
    def percent(self) -> int:
        return round(100 * (self.total - self.open) / self.total) if self.total else 0


def progress_of(campaign: Campaign) -> Progress | None:
    """The progress of a campaign that has begun; None before."""
    if campaign.run is None:
        return None
    messages = Message.objects.filter(run=campaign.run)
    tally = messages.tally()
    open_ = sum(tally[state] for state in OPEN_STATES)
    at = now()
    begun = campaign.started_at or at
    seconds = max(1.0, min((at - begun).total_seconds(), MINUTE.total_seconds()))
    lately = messages.filter(state=MessageState.SENT, settled_at__gte=at - MINUTE).count()
    rate = lately / seconds
    return Progress(
        total=sum(tally.values()),
        sent=tally[MessageState.SENT],
        skipped=tally[MessageState.SKIPPED],
        failed=tally[MessageState.FAILED],
        in_doubt=tally[MessageState.IN_DOUBT],
        open=open_,
        rate=rate,
        left=dt.timedelta(seconds=open_ / rate) if rate and open_ else None,
    )
