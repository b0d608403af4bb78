"""Every change of what a person allows: the proof is added, the state that the hand-over reads follows it.

Leaving always takes effect. Joining takes effect unless the person left at a later time. An import never joins anybody
who left, complained, bounced or was erased.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from personalize.core import audit, clock, hooks
from personalize.core.database import among
from segments.consent import joining
from segments.consent.models import (
    ConsentAction,
    ConsentEntry,
    OptIn,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
    Topic,
)
from segments.consent.types import BulkCounts, Outcome, Unsuppressed
from segments.subscribers.models import Subscriber, Tracking

LEAVING = (ConsentAction.UNSUBSCRIBED, ConsentAction.COMPLAINED)
ABOUT_TRACKING = (ConsentAction.TRACKING_GRANTED, ConsentAction.TRACKING_DENIED)
# The stronger reason stays when an address is suppressed twice.
_STRENGTH = {
    SuppressionReason.UNSUBSCRIBED: 0,
    SuppressionReason.MANUAL: 1,
    SuppressionReason.BOUNCED: 2,
    SuppressionReason.COMPLAINED: 3,
    SuppressionReason.ERASED: 4,
}


def subscribe(
    *,
    subscriber: Subscriber,
    topic: Topic,
    source: str,
    at: dt.datetime | None = None,
    basis: str = "",
    wording: str = "",
    double: bool | None = None,
    message: UUID | None = None,
    ip_prefix: str = "",
    details: dict[str, Any] | None = None,
) -> Outcome:
    """Join a person to a topic on their own word; for imports there is ``bulk_subscribe``.

    ``double`` says whether they must confirm by mail first; None asks the topic. Joining at once takes back an earlier
    "leave everything", for it is the same person speaking later; a complaint, a bounce or a bar stands.
    """
    at = at or clock.now()
    proof = {"basis": basis, "wording": wording, "message": message, "ip_prefix": ip_prefix, "details": details or {}}
    with transaction.atomic():
        stored = _subscription(subscriber, topic)
        if not _may_join(subscriber, topic, stored, at):
            return Outcome.REFUSED
        if stored and stored.state == SubscriptionState.SUBSCRIBED:
            return Outcome.UNCHANGED
        if topic.opt_in == OptIn.DOUBLE if double is None else double:
            if stored and stored.state == SubscriptionState.PENDING:
                return Outcome.UNCHANGED
            _set(subscriber, topic, SubscriptionState.PENDING, at)
            _say(subscriber, topic, ConsentAction.REQUESTED, at=at, source=source, **proof)
            hooks.mail_requested(kind="confirmation", subscriber=subscriber, context={"topic": topic.key})
            return Outcome.PENDING
        _join(subscriber, topic, at)
        _say(subscriber, topic, ConsentAction.SUBSCRIBED, at=at, source=source, **proof)
    return Outcome.CHANGED


def confirm(
    *,
    subscriber: Subscriber,
    topic: Topic | None,
    source: str,
    at: dt.datetime | None = None,
    ip_prefix: str = "",
) -> Outcome:
    """Confirm what waits for confirmation: one topic, or all of them when ``topic`` is None."""
    at = at or clock.now()
    outcome = Outcome.UNCHANGED
    with transaction.atomic():
        waiting = Subscription.objects.select_for_update(of=("self",)).select_related("topic")
        waiting = waiting.filter(subscriber=subscriber, state=SubscriptionState.PENDING)
        for stored in waiting.filter(topic=topic) if topic else waiting:
            if not _may_join(subscriber, stored.topic, stored, at):
                outcome = Outcome.REFUSED
                continue
            _join(subscriber, stored.topic, at)
            _say(subscriber, stored.topic, ConsentAction.CONFIRMED, at=at, source=source, ip_prefix=ip_prefix)
            outcome = Outcome.CHANGED
    return outcome


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

    The proof keeps which topics they left by it, so that ``restore`` can undo exactly that.
    """
    at = at or clock.now()
    with transaction.atomic():
        left = _leave(subscriber, topic, at)
        declined = topic is not None and not left and _decline(subscriber, topic, at)
        suppressed = topic is None and _bar(subscriber.address_key, SuppressionReason.UNSUBSCRIBED, source, None, None)
        if not (left or declined or suppressed):
            return Outcome.UNCHANGED
        proof: dict[str, Any] = {"message": message, "ip_prefix": ip_prefix, "details": {"left": left}}
        _say(subscriber, topic, ConsentAction.UNSUBSCRIBED, at=at, source=source, **proof)
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
        said = ConsentEntry.objects.filter(subscriber=subscriber, topic=topic).exclude(action__in=ABOUT_TRACKING)
        latest = said.order_by("-pk").first()
        if latest is None or latest.action != ConsentAction.UNSUBSCRIBED:
            return Outcome.UNCHANGED
        if _barred(subscriber, topic, at):
            return Outcome.REFUSED
        Suppression.objects.filter(
            address_key=subscriber.address_key, topic=topic, reason=SuppressionReason.UNSUBSCRIBED
        ).delete()
        for left in Topic.objects.filter(key__in=latest.details.get("left", [])):
            _set(subscriber, left, SubscriptionState.SUBSCRIBED, at)
        _say(subscriber, topic, ConsentAction.RESTORED, at=at, source=source, message=message, ip_prefix=ip_prefix)
    return Outcome.CHANGED


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
        if not _bar(address_key, reason, source, topic, until):
            return False
        if reason == SuppressionReason.MANUAL:
            audit.record(actor=actor or "system", action="suppression.added", reason=note, address_key=address_key[:12])
        person = Subscriber.objects.present().filter(address_key=address_key).first()
        if person is None:
            return True
        if reason == SuppressionReason.COMPLAINED:
            at = at or clock.now()
            left = _leave(person, topic, at)
            _say(person, topic, ConsentAction.COMPLAINED, at=at, source=source, message=message, details={"left": left})
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
        _say(subscriber, None, action, at=at or clock.now(), source=source, message=message, ip_prefix=ip_prefix)
    return Outcome.CHANGED


def bulk_subscribe(
    *,
    subscriber_ids: Sequence[int],
    topic: Topic,
    source: str,
    basis: str,
    at: dt.datetime | None = None,
    wording: str = "",
) -> BulkCounts:
    """Join many people to a topic from a file, with a fixed number of statements and no mail.

    ``basis`` is the declared legal ground; without it people wait for confirmation. Whoever left this topic or
    everything, complained, is suppressed or erased is kept out. It is history, so ``consent_changed`` is not called.
    """
    now = clock.now()
    at = at or now
    ids = set(subscriber_ids)
    state = SubscriptionState.SUBSCRIBED if basis else SubscriptionState.PENDING
    action = ConsentAction.SUBSCRIBED if basis else ConsentAction.REQUESTED
    with transaction.atomic():
        welcome = ids - _kept_out(ids, topic, now)
        stored = dict(
            Subscription.objects.select_for_update()
            .filter(topic=topic, subscriber__in=among(welcome))
            .values_list("subscriber_id", "state")
        )
        done = {person for person, was in stored.items() if was in (SubscriptionState.SUBSCRIBED, state)}
        changing = sorted(welcome - done)
        joining.join(changing, topic, state, at)
        joining.prove(changing, topic, action, at=at, recorded_at=now, source=source, basis=basis, wording=wording)
    return BulkCounts(
        subscribed=len(changing) if basis else 0,
        pending=0 if basis else len(changing),
        unchanged=len(done),
        kept_out=len(ids) - len(welcome),
    )


def _kept_out(ids: set[int], topic: Topic, now: dt.datetime) -> set[int]:
    """Those of the people whom an import may not join."""
    # Locked, so that two imports of the same people write one proof.
    people = Subscriber.objects.present().select_for_update(no_key=True).filter(pk__in=among(ids)).order_by("pk")
    addresses = dict(people.values_list("pk", "address_key"))
    barred = set(
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
    return {person for person in ids if person not in addresses or addresses[person] in barred} | left


def _subscription(subscriber: Subscriber, topic: Topic) -> Subscription | None:
    return Subscription.objects.select_for_update().filter(subscriber=subscriber, topic=topic).first()


def _barred(subscriber: Subscriber, topic: Topic | None, at: dt.datetime) -> bool:
    """Whether something other than the person's own leaving stands in the way of joining."""
    suppressions = Suppression.objects.in_force(at).concerning(topic.pk if topic else None)
    return (
        suppressions.filter(address_key=subscriber.address_key).exclude(reason=SuppressionReason.UNSUBSCRIBED).exists()
    )


def _may_join(subscriber: Subscriber, topic: Topic, stored: Subscription | None, at: dt.datetime) -> bool:
    """Joining is refused to the erased and the barred, and when the person has left since."""
    if not Subscriber.objects.present().filter(pk=subscriber.pk).exists() or _barred(subscriber, topic, at):
        return False
    return not (stored and stored.state == SubscriptionState.UNSUBSCRIBED and stored.changed_at > at)


def _join(subscriber: Subscriber, topic: Topic, at: dt.datetime) -> None:
    _set(subscriber, topic, SubscriptionState.SUBSCRIBED, at)
    Suppression.objects.concerning(topic.pk).filter(
        address_key=subscriber.address_key, reason=SuppressionReason.UNSUBSCRIBED
    ).delete()


def _leave(subscriber: Subscriber, topic: Topic | None, at: dt.datetime) -> list[str]:
    """Take a person off one topic or all; returns the keys of the topics they followed until now."""
    following = Subscription.objects.select_for_update(of=("self",)).filter(subscriber=subscriber)
    following = following.exclude(state=SubscriptionState.UNSUBSCRIBED).select_related("topic")
    left = list(following.filter(topic=topic) if topic else following)
    Subscription.objects.filter(pk__in=[stored.pk for stored in left]).update(
        state=SubscriptionState.UNSUBSCRIBED, changed_at=at, paused_until=None
    )
    return sorted(stored.topic.key for stored in left)


def _decline(subscriber: Subscriber, topic: Topic, at: dt.datetime) -> bool:
    """Remember the no of somebody who never followed the topic; true when that is news."""
    defaults = {"state": SubscriptionState.UNSUBSCRIBED, "changed_at": at}
    return Subscription.objects.get_or_create(subscriber=subscriber, topic=topic, defaults=defaults)[1]


def _set(subscriber: Subscriber, topic: Topic, state: SubscriptionState, at: dt.datetime) -> None:
    Subscription.objects.update_or_create(
        subscriber=subscriber, topic=topic, defaults={"state": state, "changed_at": at, "paused_until": None}
    )


def _bar(
    address_key: str, reason: SuppressionReason, source: str, topic: Topic | None, until: dt.datetime | None
) -> bool:
    """Write the suppression unless one as strong and as long is in force; true when it was written."""
    now = clock.now()
    wanted = {"reason": reason, "source": source, "created_at": now, "until": until}
    stored, made = Suppression.objects.select_for_update().get_or_create(
        address_key=address_key, topic=topic, defaults=wanted
    )
    if made:
        return True
    over = stored.until is not None and stored.until <= now
    longer = stored.until is not None and (until is None or until > stored.until)
    stronger = _STRENGTH[reason] > _STRENGTH[SuppressionReason(stored.reason)]
    if not (over or longer or stronger):
        return False
    if not over:
        wanted["until"] = None if None in (until, stored.until) else max(filter(None, (until, stored.until)))
        if not stronger:
            wanted["reason"] = stored.reason
    Suppression.objects.filter(pk=stored.pk).update(**wanted)
    return True


def _say(
    subscriber: Subscriber, topic: Topic | None, action: ConsentAction, *, at: dt.datetime, source: str, **proof: Any
) -> None:
    """Add to the proof and tell who listens."""
    entry = ConsentEntry.objects.create(
        subscriber=subscriber, topic=topic, action=action, at=at, recorded_at=clock.now(), source=source, **proof
    )
    hooks.consent_changed(subscriber=subscriber, topic=topic, entry=entry)
