"""Whether the ledger of a run adds up: everyone listed stands in exactly one named state."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db.models import Count, Q

from campaigns.delivery.models import Batch, Message, Run, RunState
from campaigns.delivery.types import OPEN_STATES, MessageState


@dataclass(frozen=True)
class Balance:
    """A run's figures, derived from its rows. ``faults`` names everything that does not add up; empty means it balances."""

    audience: int
    sent: int
    skipped: int
    failed: int
    in_doubt: int
    open: int
    reasons: dict[str, int]
    faults: tuple[str, ...] = field(default=())

    @property
    def balances(self) -> bool:
        return not self.faults


def balance(run: Run) -> Balance:
    """Count the run's messages and compare them with what was listed and with the rules of the states."""
    messages = Message.objects.filter(run=run)
    tally = messages.tally()
    total = sum(tally.values())
    reasons = dict(
        messages.filter(reason__gt="")
        .order_by()
        .values_list("reason")
        .annotate(n=Count("pk"))
        .values_list("reason", "n")
    )
    open_ = sum(tally[state] for state in OPEN_STATES)
    checks = {
        f"{run.audience} people were listed, {total} messages are there": run.audience != total,
        "the audience is still being listed": run.state != RunState.EXPANDED,
        "a message is being sent, and no sender holds it": messages.filter(
            state__in=(MessageState.CLAIMED, MessageState.SENDING)
        )
        .exclude(token__in=Batch.objects.values("token"))
        .exists(),
        "a waiting message is due at no time": messages.filter(state=MessageState.READY, due_at__isnull=True).exists(),
        "a settled message is still due": messages.exclude(state=MessageState.READY)
        .filter(due_at__isnull=False)
        .exists(),
        "a sent message was never handed over": messages.filter(
            state=MessageState.SENT, handed_at__isnull=True
        ).exists(),
        "an address is in it twice": messages.values("address_key").annotate(n=Count("pk")).filter(n__gt=1).exists(),
        "a skipped or failed message has no reason": messages.filter(
            Q(reason=""), state__in=(MessageState.SKIPPED, MessageState.FAILED)
        ).exists(),
    }
    return Balance(
        audience=run.audience,
        sent=tally[MessageState.SENT],
        skipped=tally[MessageState.SKIPPED],
        failed=tally[MessageState.FAILED],
        in_doubt=tally[MessageState.IN_DOUBT],
        open=open_,
        reasons=reasons,
        faults=tuple(fault for fault, holds in checks.items() if holds),
    )
