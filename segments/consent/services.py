"""Every change of what a person allows: the proof is added, the state that the hand-over reads follows it.

Leaving always takes effect. Joining takes effect unless the person left at a later time. An import never joins anybody
who left, complained, bounced or was erased. The single changes stand in modules of their own and are handed on from
here; what follows are the three things that people do on public pages, which are made of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from personalize.core import clock, ratelimit
from personalize.core.addresses import address_key
from segments.consent import answers as answers_of
from segments.consent import letters, standing
from segments.consent.bars import carry_over, suppress, unsuppress
from segments.consent.leaving import PREFERENCES, restore, undo_leaving, undo_stopping, unsubscribe
from segments.consent.manner import pause, resume, set_rhythm, set_tracking
from segments.consent.models import ConsentAction, OptIn, SignupForm, SubscriptionState, Suppression, Topic
from segments.consent.subscribing import FORM, ask, bulk_subscribe, confirm, subscribe
from segments.consent.types import Choices, Outcome
from segments.subscribers.models import Subscriber
from segments.subscribers.services import change_subscriber, upsert_subscribers
from segments.subscribers.types import Refusal, SubscriberRow

__all__ = [
    "FORM",
    "PREFERENCES",
    "bulk_subscribe",
    "carry_over",
    "confirm",
    "pause",
    "restore",
    "resume",
    "send_link",
    "set_preferences",
    "set_rhythm",
    "set_tracking",
    "sign_up",
    "subscribe",
    "suppress",
    "undo_leaving",
    "undo_stopping",
    "unsubscribe",
    "unsuppress",
]

LINKS_A_DAY = 3


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
            ask(person, double, at=at, source=source, proof={**proof, "details": {"answers": dict(answers)}})
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
