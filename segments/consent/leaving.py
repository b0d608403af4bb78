"""Leaving topics, which always takes effect, and the ways back for the person who left."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from django.db import transaction

from personalize.core import clock
from segments.consent import letters, standing
from segments.consent.models import (
    ConsentAction,
    ConsentEntry,
    SubscriptionState,
    Suppression,
    SuppressionReason,
    Topic,
)
from segments.consent.types import Outcome
from segments.subscribers.models import Subscriber

# Ways out that a stranger with a forwarded mail could take; the person themselves is told, with the way back.
PREFERENCES = "preference page"
BY_LINK = ("one-click", "unsubscribe page", PREFERENCES)


def unsubscribe(
    *,
    subscriber: Subscriber,
    topic: Topic | None,
    source: str,
    at: dt.datetime | None = None,
    message: UUID | None = None,
    ip_prefix: str = "",
) -> Outcome:
    """Take a person off a topic, or off everything when ``topic`` is None; then the address is suppressed as well.

    The proof keeps which topics they left by it, so that ``restore`` can undo exactly that. Where a link in a mail was
    enough to leave, the person is told by mail, once a day at most, with a link to ``undo_leaving``.
    """
    at = at or clock.now()
    with transaction.atomic():
        left, changed = standing.leave(subscriber, topic, at)
        if topic is None:
            changed |= standing.bar(subscriber.address_key, SuppressionReason.UNSUBSCRIBED, source, None, None)
        elif not changed:
            changed = standing.decline(subscriber, topic, at)
        if not changed:
            return Outcome.UNCHANGED
        details: dict[str, Any] = {"left": [one.key for one in left]}
        tell = bool(left) and source in BY_LINK and letters.undo_due(subscriber, clock.now())
        if tell:
            details["mailed"] = True
        proof: dict[str, Any] = {"message": message, "ip_prefix": ip_prefix, "details": details}
        entry = standing.say(subscriber, topic, ConsentAction.UNSUBSCRIBED, at=at, source=source, **proof)
        if tell:
            letters.tell_of_leaving(subscriber, entry, left)
    return Outcome.CHANGED


def restore(
    *,
    subscriber: Subscriber,
    topic: Topic | None,
    source: str,
    at: dt.datetime | None = None,
    message: UUID | None = None,
    ip_prefix: str = "",
) -> Outcome:
    """Undo the person's latest leaving (of ``topic``, or of everything): rejoin exactly the topics they left by it."""
    at = at or clock.now()
    with transaction.atomic():
        said = ConsentEntry.objects.filter(subscriber=subscriber, topic=topic).exclude(action__in=standing.ABOUT_MANNER)
        latest = said.order_by("-pk").first()
        if latest is None or latest.action != ConsentAction.UNSUBSCRIBED:
            return Outcome.UNCHANGED
        if standing.barred(subscriber.address_key, topic, at):
            return Outcome.REFUSED
        Suppression.objects.filter(
            address_key=subscriber.address_key, topic=topic, reason=SuppressionReason.UNSUBSCRIBED
        ).delete()
        for left in Topic.objects.filter(key__in=latest.details.get("left", [])):
            standing.put(subscriber, left, SubscriptionState.SUBSCRIBED, at)
        standing.say(
            subscriber, topic, ConsentAction.RESTORED, at=at, source=source, message=message, ip_prefix=ip_prefix
        )
    return Outcome.CHANGED


def undo_leaving(*, subscriber: Subscriber, since: ConsentEntry, source: str, ip_prefix: str = "") -> Outcome:
    """Undo a leaving the person was told of by mail, and whatever was left by a link in the day after it.

    ``since`` is the entry that ``letters.leaving_behind`` found.
    """
    outcome = Outcome.UNCHANGED
    with transaction.atomic():
        leavings = ConsentEntry.objects.filter(
            subscriber=subscriber,
            action=ConsentAction.UNSUBSCRIBED,
            source__in=BY_LINK,
            pk__gte=since.pk,
            recorded_at__lt=since.recorded_at + letters.DAY,
        )
        for entry in leavings.select_related("topic").order_by("-pk"):
            undone = restore(subscriber=subscriber, topic=entry.topic, source=source, ip_prefix=ip_prefix)
            outcome = undone if undone is not Outcome.UNCHANGED else outcome
    return outcome


def undo_stopping(*, subscriber: Subscriber, source: str, ip_prefix: str = "") -> Outcome:
    """Undo leaving everything by the preference page, within an hour of it."""
    said = ConsentEntry.objects.filter(
        subscriber=subscriber,
        topic=None,
        action=ConsentAction.UNSUBSCRIBED,
        source=PREFERENCES,
        at__gte=clock.now() - dt.timedelta(hours=1),
    )
    if not said.exists():
        return Outcome.UNCHANGED
    return restore(subscriber=subscriber, topic=None, source=source, ip_prefix=ip_prefix)
