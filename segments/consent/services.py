"""Every change of what a person allows: the proof is added, the state that the hand-over reads follows it.

Leaving always takes effect. Joining takes effect unless the person left at a later time. An import never joins anybody
who left, complained, bounced or was erased.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from personalize.core import audit, clock, hooks, ratelimit
from personalize.core.addresses import address_key
from personalize.core.database import among
from segments.consent import answers as answers_of
from segments.consent import joining, letters, standing
from segments.consent.models import (
    ConsentAction,
    ConsentEntry,
    OptIn,
    SignupForm,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
    Topic,
)
from segments.consent.types import BulkCounts, Choices, Outcome, Unsuppressed
from segments.subscribers.models import Rhythm, Subscriber, Tracking
from segments.subscribers.services import change_subscriber, upsert_subscribers
from segments.subscribers.types import Refusal, SubscriberRow

# Ways out that a stranger with a forwarded mail could take; the person themselves is told, with the way back.
PREFERENCES = "preference page"
BY_LINK = ("one-click", "unsubscribe page", PREFERENCES)
# How the source of what came by a form begins; its key follows.
FORM = "form:"
LINKS_A_DAY = 3


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
        if standing.locked(subscriber) is None:
            return Outcome.REFUSED
        stored = standing.stored(subscriber, topic)
        if not standing.may_join(subscriber, topic, stored, at):
            return Outcome.REFUSED
        if stored and stored.state == SubscriptionState.SUBSCRIBED:
            return Outcome.UNCHANGED
        if topic.opt_in == OptIn.DOUBLE if double is None else double:
            return _ask(subscriber, [topic], at=at, source=source, proof=proof)
        standing.join(subscriber, topic, at)
        standing.say(subscriber, topic, ConsentAction.SUBSCRIBED, at=at, source=source, **proof)
    return Outcome.CHANGED


def _ask(
    subscriber: Subscriber, topics: Sequence[Topic], *, at: dt.datetime, source: str, proof: dict[str, Any]
) -> Outcome:
    """Let the topics wait for the person's confirmation, with one mail for all of them if one is due.

    Asking again for what waits already is only kept when it is mailed again.
    """
    waiting = Subscription.objects.filter(
        subscriber=subscriber, topic__in=topics, state=SubscriptionState.PENDING
    ).values_list("topic", flat=True)
    new = [topic for topic in topics if topic.pk not in set(waiting)]
    mail = letters.confirmation_due(subscriber, at, again=not new)
    asked = topics if mail else new
    entry: ConsentEntry | None = None
    for topic in asked:
        standing.put(subscriber, topic, SubscriptionState.PENDING, at)
        details = {**proof["details"], "mailed": True} if mail and entry is None else proof["details"]
        said = standing.say(
            subscriber, topic, ConsentAction.REQUESTED, at=at, source=source, **{**proof, "details": details}
        )
        entry = entry or said
    if mail and entry is not None:
        letters.ask_to_confirm(subscriber, entry, at)
    return Outcome.PENDING if new else Outcome.UNCHANGED


def confirm(
    *,
    subscriber: Subscriber,
    topic: Topic | None,
    source: str,
    at: dt.datetime | None = None,
    ip_prefix: str = "",
) -> Outcome:
    """Confirm what has waited for it no longer than 30 days: one topic, or all of them when ``topic`` is None.

    What they told a sign-up form about themselves is taken over now, where nothing else is known. The proof of a wish
    that came by a form names that form.
    """
    at = at or clock.now()
    outcome = Outcome.UNCHANGED
    with transaction.atomic():
        waiting = Subscription.objects.waiting(at - letters.CONFIRM_WITHIN).select_for_update(of=("self",))
        waiting = waiting.filter(subscriber=subscriber).select_related("topic")
        answers: dict[str, Any] = {}
        for stored in waiting.filter(topic=topic) if topic else waiting:
            if not standing.may_join(subscriber, stored.topic, stored, at):
                outcome = Outcome.REFUSED
                continue
            request = standing.request_for(subscriber, stored.topic)
            via = request.source if request and request.source.startswith(FORM) else source
            standing.join(subscriber, stored.topic, at)
            standing.say(subscriber, stored.topic, ConsentAction.CONFIRMED, at=at, source=via, ip_prefix=ip_prefix)
            answers |= request.details.get("answers", {}) if request else {}
            outcome = Outcome.CHANGED
        answers_of.take_over(subscriber, answers)
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


def set_preferences(
    *, subscriber: Subscriber, choices: Choices, fresh: bool, source: str, ip_prefix: str = ""
) -> Outcome | Refusal:
    """Do what a person chose in their preference centre, all of it or none.

    Without a ``fresh`` link they may only reduce: REFUSED when they chose anything else. A Refusal says which answer about
    themselves is not taken.
    """
    said: dict[str, Any] = {"subscriber": subscriber, "source": source, "ip_prefix": ip_prefix}
    with transaction.atomic():
        person = standing.locked(subscriber)
        if person is None or not (fresh or choices.only_reduce):
            return Outcome.REFUSED
        topics = Topic.objects.in_bulk([*choices.leave, *choices.join], field_name="key")
        outcomes = [unsubscribe(topic=topics[key], **said) for key in choices.leave if key in topics]
        outcomes += [subscribe(topic=topics[key], double=False, **said) for key in choices.join if key in topics]
        if choices.pause_days is not None:
            outcomes.append(pause(days=choices.pause_days, **said) if choices.pause_days else resume(**said))
        if choices.rhythm is not None:
            outcomes.append(set_rhythm(rhythm=choices.rhythm, **said))
        if choices.tracking is not None:
            outcomes.append(set_tracking(allowed=choices.tracking, **said))
        if choices.profile:
            changed = change_subscriber(
                subscriber=person, changes=choices.profile, lock_version=person.lock_version, actor=source
            )
            if isinstance(changed, Refusal):
                transaction.set_rollback(True)
                return changed
            outcomes.append(Outcome.CHANGED)
    return Outcome.CHANGED if Outcome.CHANGED in outcomes else Outcome.UNCHANGED


def sign_up(
    *,
    form: SignupForm,
    email: str,
    topics: Sequence[Topic],
    answers: Mapping[str, Any],
    ip_prefix: str = "",
) -> None:
    """Take what a stranger typed into a form: an address, what they want, and what they say of themselves.

    Nothing comes back, so that nobody learns who is known here. Addresses barred by anything but their own leaving are
    left alone; whoever left must confirm by mail, whatever the topic says. ``answers`` has the names and meanings of
    SubscriberRow's fields; they are kept with the proof and taken over when the person confirms, or at once when they are
    new and nothing has to be confirmed: a stranger cannot write into the profile of somebody who is known.
    """
    at = clock.now()
    key = address_key(email)
    source = f"{FORM}{form.key}"
    proof = {"wording": form.wording, "basis": "", "ip_prefix": ip_prefix, "message": None}
    with transaction.atomic():
        if standing.barred(key, None, at):
            return
        person = Subscriber.objects.filter(address_key=key).first()
        new = person is None
        if person is None:
            row = SubscriberRow(email=email, language=form.language or None)
            upsert_subscribers(rows=[row], source=source)
            person = Subscriber.objects.filter(address_key=key).first()
        if person is None or standing.locked(person) is None:
            return
        wanted = [topic for topic in topics if not _follows(person, topic) and not standing.barred(key, topic, at)]
        double = [topic for topic in wanted if topic.opt_in == OptIn.DOUBLE or standing.has_left(person, topic, at)]
        for topic in wanted:
            if topic not in double:
                standing.join(person, topic, at)
                standing.say(person, topic, ConsentAction.SUBSCRIBED, at=at, source=source, details={}, **proof)
        if double:
            _ask(person, double, at=at, source=source, proof={**proof, "details": {"answers": dict(answers)}})
        if new and not double:
            answers_of.take_over(person, answers)


def _follows(subscriber: Subscriber, topic: Topic) -> bool:
    stored = standing.stored(subscriber, topic)
    return stored is not None and stored.state == SubscriptionState.SUBSCRIBED


def send_link(*, email: str) -> None:
    """Mail a person the link to their preferences, three times a day at most, if they are here and can be reached.

    Nothing comes back, so that nobody learns who is known here.
    """
    key = address_key(email)
    at = clock.now()
    with transaction.atomic():
        person = Subscriber.objects.present().filter(address_key=key).first()
        if person is None or Suppression.objects.unreachable(key, at).exists():
            return
        if not ratelimit.take(f"preferences_link:{key}", limit=LINKS_A_DAY, seconds=86_400):
            letters.send_link(person, at)


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
        welcome = ids - standing.kept_out(ids, topic, now)
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
