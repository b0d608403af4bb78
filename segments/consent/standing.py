"""Where a person stands with a topic, as the hand-over reads it, and the proof that goes with each change.

The services decide; what is here reads and writes, always inside their transaction.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import Q

from personalize.core import clock, hooks
from personalize.core.database import among
from segments.consent.models import (
    ConsentAction,
    ConsentEntry,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
    Topic,
)
from segments.consent.suppression import STRENGTH
from segments.subscribers.models import Subscriber

LEAVING = (ConsentAction.UNSUBSCRIBED, ConsentAction.COMPLAINED)
# What people say about how they are mailed; none of it joins them to anything or takes them off.
ABOUT_MANNER = (
    ConsentAction.TRACKING_GRANTED,
    ConsentAction.TRACKING_DENIED,
    ConsentAction.PAUSED,
    ConsentAction.RESUMED,
    ConsentAction.SLOWED,
    ConsentAction.UNSLOWED,
)


def locked(subscriber: Subscriber) -> Subscriber | None:
    """The person as stored, held until the transaction ends so that two requests take turns; None when erased.

    What only points to them, such as an event that is being written, need not wait.
    """
    return Subscriber.objects.present().select_for_update(no_key=True).filter(pk=subscriber.pk).first()


def stored(subscriber: Subscriber, topic: Topic) -> Subscription | None:
    return Subscription.objects.select_for_update().filter(subscriber=subscriber, topic=topic).first()


def barred(address_key: str, topic: Topic | None, at: dt.datetime) -> bool:
    """Whether something other than the person's own leaving stands in the way of joining."""
    suppressions = Suppression.objects.in_force(at).concerning(topic.pk if topic else None)
    return suppressions.filter(address_key=address_key).exclude(reason=SuppressionReason.UNSUBSCRIBED).exists()


def may_join(subscriber: Subscriber, topic: Topic, standing: Subscription | None, at: dt.datetime) -> bool:
    """Joining is refused to the erased and the barred, and when the person has left since."""
    if not Subscriber.objects.present().filter(pk=subscriber.pk).exists() or barred(subscriber.address_key, topic, at):
        return False
    return not (standing and standing.state == SubscriptionState.UNSUBSCRIBED and standing.changed_at > at)


def has_left(subscriber: Subscriber, topic: Topic, at: dt.datetime) -> bool:
    """Whether the person's last word on this topic, or on everything, was to leave."""
    left_topic = Subscription.objects.filter(subscriber=subscriber, topic=topic, state=SubscriptionState.UNSUBSCRIBED)
    return (
        left_topic.exists()
        or Suppression.objects.in_force(at)
        .concerning(topic.pk)
        .filter(address_key=subscriber.address_key, reason=SuppressionReason.UNSUBSCRIBED)
        .exists()
    )


def join(subscriber: Subscriber, topic: Topic, at: dt.datetime) -> None:
    put(subscriber, topic, SubscriptionState.SUBSCRIBED, at)
    Suppression.objects.concerning(topic.pk).filter(
        address_key=subscriber.address_key, reason=SuppressionReason.UNSUBSCRIBED
    ).delete()


def leave(subscriber: Subscriber, topic: Topic | None, at: dt.datetime) -> tuple[list[Topic], bool]:
    """Take a person off one topic or all: the topics they followed until now, and whether anything changed.

    Waiting for confirmation is no following: who leaves then has nothing to be brought back to.
    """
    standing = Subscription.objects.select_for_update(of=("self",)).filter(subscriber=subscriber)
    standing = standing.exclude(state=SubscriptionState.UNSUBSCRIBED).select_related("topic").order_by("topic__key")
    left = list(standing.filter(topic=topic) if topic else standing)
    Subscription.objects.filter(pk__in=[row.pk for row in left]).update(
        state=SubscriptionState.UNSUBSCRIBED, changed_at=at, paused_until=None
    )
    return [row.topic for row in left if row.state == SubscriptionState.SUBSCRIBED], bool(left)


def decline(subscriber: Subscriber, topic: Topic, at: dt.datetime) -> bool:
    """Remember the no of somebody who never followed the topic; true when that is news."""
    defaults = {"state": SubscriptionState.UNSUBSCRIBED, "changed_at": at}
    return Subscription.objects.get_or_create(subscriber=subscriber, topic=topic, defaults=defaults)[1]


def put(subscriber: Subscriber, topic: Topic, state: SubscriptionState, at: dt.datetime) -> None:
    Subscription.objects.update_or_create(
        subscriber=subscriber, topic=topic, defaults={"state": state, "changed_at": at, "paused_until": None}
    )


def bar(
    address_key: str, reason: SuppressionReason, source: str, topic: Topic | None, until: dt.datetime | None
) -> bool:
    """Write the suppression unless one as strong and as long is in force; true when it was written."""
    now = clock.now()
    wanted = {"reason": reason, "source": source, "created_at": now, "until": until}
    row, made = Suppression.objects.select_for_update().get_or_create(
        address_key=address_key, topic=topic, defaults=wanted
    )
    if made:
        return True
    over = row.until is not None and row.until <= now
    longer = row.until is not None and (until is None or until > row.until)
    stronger = STRENGTH[reason] > STRENGTH[SuppressionReason(row.reason)]
    if not (over or longer or stronger):
        return False
    if not over:
        wanted["until"] = None if None in (until, row.until) else max(filter(None, (until, row.until)))
        if not stronger:
            wanted["reason"] = row.reason
    Suppression.objects.filter(pk=row.pk).update(**wanted)
    return True


def say(
    subscriber: Subscriber, topic: Topic | None, action: ConsentAction, *, at: dt.datetime, source: str, **proof: Any
) -> ConsentEntry:
    """Add to the proof and tell who listens."""
    entry = ConsentEntry.objects.create(
        subscriber=subscriber, topic=topic, action=action, at=at, recorded_at=clock.now(), source=source, **proof
    )
    hooks.consent_changed(subscriber=subscriber, topic=topic, entry=entry)
    return entry


def request_for(subscriber: Subscriber, topic: Topic) -> ConsentEntry | None:
    """The latest time a person asked to join this topic."""
    asked = ConsentEntry.objects.filter(subscriber=subscriber, topic=topic, action=ConsentAction.REQUESTED)
    return asked.order_by("-pk").first()


def kept_out(ids: set[int], topic: Topic, now: dt.datetime) -> set[int]:
    """Those of the people whom an import may not join."""
    # Locked, so that two imports of the same people write one proof.
    people = Subscriber.objects.present().select_for_update(no_key=True).filter(pk__in=among(ids)).order_by("pk")
    addresses = dict(people.values_list("pk", "address_key"))
    suppressed = set(
        Suppression.objects.in_force(now)
        .concerning(topic.pk)
        .filter(address_key__in=Subscriber.objects.filter(pk__in=among(ids)).values("address_key"))
        .values_list("address_key", flat=True)
    )
    subscriptions = Subscription.objects.filter(topic=topic, subscriber__in=among(ids))
    left = set(
        subscriptions.filter(state=SubscriptionState.UNSUBSCRIBED).values_list("subscriber_id", flat=True)
    ) | set(
        ConsentEntry.objects.filter(
            Q(topic=topic) | Q(topic__isnull=True), subscriber__in=among(ids), action__in=LEAVING
        )
        .exclude(subscriber__in=subscriptions.filter(state=SubscriptionState.SUBSCRIBED).values("subscriber_id"))
        .values_list("subscriber_id", flat=True)
    )
    return {person for person in ids if person not in addresses or addresses[person] in suppressed} | left
