"""Barring one address, letting it in again, and what goes along when a person's address changes."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from django.db import transaction

from personalize.core import audit, clock, hooks
from segments.consent import standing
from segments.consent.models import ConsentAction, Suppression, SuppressionReason, Topic
from segments.consent.types import Unsuppressed
from segments.subscribers.models import Subscriber


def suppress(
    *,
    address_key: str,
    reason: str,
    source: str,
    topic: Topic | None = None,
    until: dt.datetime | None = None,
    at: dt.datetime | None = None,
    message: UUID | None = None,
    actor: Any = None,
    note: str = "",
) -> bool:
    """Bar an address from a topic, or from all marketing; true when that was new.

    A complaint is the person's own word: it is added to their proof and takes them off the topics. The other reasons are
    facts about the address and add no proof. By hand (MANUAL) it is audited with ``actor`` and ``note``.
    """
    reason = SuppressionReason(reason)
    with transaction.atomic():
        if not standing.bar(address_key, reason, source, topic, until):
            return False
        if reason == SuppressionReason.MANUAL:
            audit.record(actor=actor or "system", action="suppression.added", reason=note, address_key=address_key[:12])
        person = Subscriber.objects.present().filter(address_key=address_key).first()
        if person is None:
            return True
        if reason == SuppressionReason.COMPLAINED:
            at = at or clock.now()
            left, _changed = standing.leave(person, topic, at)
            details = {"left": [one.key for one in left]}
            standing.say(
                person, topic, ConsentAction.COMPLAINED, at=at, source=source, message=message, details=details
            )
        else:
            hooks.consent_changed(subscriber=person, topic=topic, entry=None)
    return True


def unsuppress(*, address_key: str, actor: Any, reason: str, topic: Topic | None = None) -> Unsuppressed:
    """Allow mail to an address again, for a reason that is audited; who was erased stays barred. Joins nobody."""
    with transaction.atomic():
        stored = Suppression.objects.select_for_update().filter(address_key=address_key, topic=topic).first()
        if stored is None:
            return Unsuppressed.NOTHING
        if stored.reason == SuppressionReason.ERASED:
            return Unsuppressed.ERASED_STAYS
        was = stored.reason
        stored.delete()
        audit.record(actor=actor, action="suppression.removed", reason=reason, address_key=address_key[:12], was=was)
        person = Subscriber.objects.present().filter(address_key=address_key).first()
        if person is not None:
            hooks.consent_changed(subscriber=person, topic=topic, entry=None)
    return Unsuppressed.REMOVED


def carry_over(*, former: str, current: str, source: str) -> int:
    """Bar a person's address from what stood against their former one, both given by key; returns how many bars that were.

    What they said and what was decided about them goes along; that a mailbox bounced says nothing about another.
    """
    with transaction.atomic():
        bars = Suppression.objects.in_force(clock.now()).filter(address_key=former)
        return sum(
            standing.bar(current, SuppressionReason(bar.reason), source, bar.topic, bar.until)
            for bar in bars.exclude(reason=SuppressionReason.BOUNCED).select_related("topic")
        )
