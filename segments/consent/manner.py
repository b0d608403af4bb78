"""How a person wants to be mailed: tracked or not, paused, how often. None of it joins or leaves anything."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from django.db import transaction

from personalize.core import clock
from segments.consent import standing
from segments.consent.models import ConsentAction, Subscription
from segments.consent.types import Outcome
from segments.subscribers.models import Rhythm, Subscriber, Tracking


def set_tracking(
    *,
    subscriber: Subscriber,
    allowed: bool,
    source: str,
    at: dt.datetime | None = None,
    message: UUID | None = None,
    ip_prefix: str = "",
) -> Outcome:
    """Store whether a person allows tracking in mails."""
    new, action = (
        (Tracking.GRANTED, ConsentAction.TRACKING_GRANTED)
        if allowed
        else (Tracking.DENIED, ConsentAction.TRACKING_DENIED)
    )
    with transaction.atomic():
        if not Subscriber.objects.present().filter(pk=subscriber.pk).exclude(tracking=new).update(tracking=new):
            return Outcome.UNCHANGED
        subscriber.tracking = new
        standing.say(
            subscriber, None, action, at=at or clock.now(), source=source, message=message, ip_prefix=ip_prefix
        )
    return Outcome.CHANGED


def pause(
    *, subscriber: Subscriber, days: int, source: str, at: dt.datetime | None = None, ip_prefix: str = ""
) -> Outcome:
    """Keep marketing mail from a person for ``days`` days; then it starts again by itself."""
    at = at or clock.now()
    until = at + dt.timedelta(days=days)
    with transaction.atomic():
        following = Subscription.objects.followed_by(subscriber).exclude(paused_until=until)
        if not following.update(paused_until=until):
            return Outcome.UNCHANGED
        details = {"until": until.isoformat(timespec="seconds")}
        standing.say(subscriber, None, ConsentAction.PAUSED, at=at, source=source, ip_prefix=ip_prefix, details=details)
    return Outcome.CHANGED


def resume(*, subscriber: Subscriber, source: str, at: dt.datetime | None = None, ip_prefix: str = "") -> Outcome:
    """End a pause before its time."""
    at = at or clock.now()
    with transaction.atomic():
        paused = Subscription.objects.followed_by(subscriber).filter(paused_until__gt=at)
        if not paused.update(paused_until=None):
            return Outcome.UNCHANGED
        standing.say(subscriber, None, ConsentAction.RESUMED, at=at, source=source, ip_prefix=ip_prefix)
    return Outcome.CHANGED


def set_rhythm(
    *, subscriber: Subscriber, rhythm: str, source: str, at: dt.datetime | None = None, ip_prefix: str = ""
) -> Outcome:
    """Store how often at most a person wants marketing mail: a Rhythm."""
    rhythm = Rhythm(rhythm)
    action = ConsentAction.SLOWED if rhythm == Rhythm.WEEKLY else ConsentAction.UNSLOWED
    with transaction.atomic():
        if not Subscriber.objects.present().filter(pk=subscriber.pk).exclude(rhythm=rhythm).update(rhythm=rhythm):
            return Outcome.UNCHANGED
        subscriber.rhythm = rhythm
        standing.say(subscriber, None, action, at=at or clock.now(), source=source, ip_prefix=ip_prefix)
    return Outcome.CHANGED
