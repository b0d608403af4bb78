"""What becomes of a message after it was sent, applied once each: the first time wins."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from campaigns.delivery.ledger import Result
from campaigns.delivery.models import Message, Outcome
from campaigns.delivery.types import MessageState, OutcomeKind
from personalize.core.clock import now
from personalize.core.hooks import facts_changed, outcome_applied
from segments.consent.models import SuppressionReason
from segments.consent.services import suppress
from segments.events.services import record_events
from segments.events.types import NewEvent

# Which column remembers the first time, and which event automations and segments see.
STAMPS = {
    OutcomeKind.DELIVERED: ("delivered_at", "email_delivered"),
    OutcomeKind.OPENED: ("opened_at", "email_opened"),
    OutcomeKind.CLICKED: ("clicked_at", "email_clicked"),
    OutcomeKind.BOUNCED: ("bounced_at", "email_bounced"),
    OutcomeKind.COMPLAINED: ("complained_at", "email_complained"),
    OutcomeKind.UNSUBSCRIBED: ("unsubscribed_at", "email_unsubscribed"),
}

# Enhanced codes that say the address itself is dead; others are the sender's or the moment's fault. RFC 3463.
DEAD_ADDRESS = ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10")


def apply(
    *,
    message: Message,
    kind: OutcomeKind,
    at: dt.datetime,
    fingerprint: str,
    details: dict[str, Any] | None = None,
) -> bool:
    """Store an outcome once by its ``fingerprint``; true when it was new.

    Each new one records the person's event; the first of its kind sets the message's time stamp and calls the hook.
    An acceptance or delivery that arrives for a message in doubt is evidence: the message becomes sent.
    """
    digest = hashlib.sha256(f"{message.pk}:{kind}:{fingerprint}".encode()).hexdigest()
    with transaction.atomic():
        outcome, new = Outcome.objects.get_or_create(
            fingerprint=digest,
            defaults={"message": message, "kind": kind, "at": at, "received_at": now(), "details": details or {}},
        )
        if not new:
            return False
        stamp, event = STAMPS.get(kind, ("", ""))
        first = bool(stamp) and bool(
            Message.objects.filter(pk=message.pk, **{f"{stamp}__isnull": True}).update(**{stamp: at})
        )
        if kind in (OutcomeKind.SENT, OutcomeKind.DELIVERED, OutcomeKind.OPENED, OutcomeKind.CLICKED):
            doubted = Message.objects.filter(pk=message.pk, state=MessageState.IN_DOUBT)
            if doubted.update(state=MessageState.SENT, settled_at=now(), settled_by=f"evidence: {kind}"):
                facts_changed(subscriber_ids=[message.subscriber_id])
        if event:
            record_events(events=[_event(message, event, at, digest, details or {})])
        if first:
            outcome_applied(message=message, outcome=outcome)
    return True


def note_refusals(results: Sequence[Result]) -> None:
    """Turn refusals that name a dead address into bounces, and block those addresses."""
    dead = {
        result.message: result
        for result in results
        if result.state == MessageState.FAILED and any(code in result.reply for code in DEAD_ADDRESS)
    }
    if not dead:
        return
    for message in Message.objects.filter(pk__in=dead):
        result = dead[message.pk]
        new = apply(
            message=message,
            kind=OutcomeKind.BOUNCED,
            at=now(),
            fingerprint=f"reply:{result.code}",
            details={"reply": result.reply[:255]},
        )
        if new:
            suppress(address_key=message.address_key, reason=SuppressionReason.BOUNCED, source="bounce")


def _event(message: Message, name: str, at: dt.datetime, key: str, details: dict[str, Any]) -> NewEvent:
    return NewEvent(
        subscriber_id=message.subscriber_id,
        name=name,
        occurred_at=at,
        source="mail",
        idempotency_key=key,
        subject=str(message.mailing_id),
        properties={"message": str(message.uuid), **details},
    )
