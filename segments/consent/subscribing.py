"""Joining topics: asked for, confirmed, or taken over from a file. It takes effect unless the person left at a later time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from personalize.core import clock, hooks
from personalize.core.database import among
from segments.consent import answers as answers_of
from segments.consent import joining, letters, standing
from segments.consent.models import ConsentAction, ConsentEntry, OptIn, Subscription, SubscriptionState, Topic
from segments.consent.types import BulkCounts, Outcome
from segments.subscribers.models import Subscriber

FORM = "form:"
"""How the source of what came by a form begins; its key follows."""


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
            return ask(subscriber, [topic], at=at, source=source, proof=proof)
        standing.join(subscriber, topic, at)
        standing.say(subscriber, topic, ConsentAction.SUBSCRIBED, at=at, source=source, **proof)
    return Outcome.CHANGED


def ask(
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
        hooks.facts_changed(subscriber_ids=changing, imported=True)
        joining.prove(changing, topic, action, at=at, recorded_at=now, source=source, basis=basis, wording=wording)
    return BulkCounts(
        subscribed=len(changing) if basis else 0,
        pending=0 if basis else len(changing),
        unchanged=len(done),
        kept_out=len(ids) - len(welcome),
    )
