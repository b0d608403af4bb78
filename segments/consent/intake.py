"""Storing people as another system gives them, together with the topics they joined there by their own word."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from django.db import transaction
from django.utils.translation import gettext as _

from personalize.core import clock
from segments.consent.models import Topic
from segments.consent.services import subscribe
from segments.consent.types import Outcome
from segments.subscribers.models import Subscriber
from segments.subscribers.services import upsert_subscribers
from segments.subscribers.types import Refusal, SubscriberRow

What = Literal["created", "updated", "unchanged"]


@dataclass(frozen=True)
class Join:
    """A person's word that they join a topic: when, where, to which words. ``double`` None asks the topic."""

    topic: str
    at: dt.datetime
    source: str
    wording: str
    basis: str = ""
    double: bool | None = None


@dataclass(frozen=True)
class Joined:
    """What became of a join; ``outcome`` None with a reason when it was not understood."""

    topic: str
    outcome: Outcome | None
    reason: str = ""


@dataclass(frozen=True)
class GivenPerson:
    row: SubscriberRow
    joins: Sequence[Join] = ()


@dataclass(frozen=True)
class StoredPerson:
    """What became of one person."""

    person: Subscriber
    what: What
    joined: Sequence[Joined] = ()


def store_people(
    *, people: Sequence[GivenPerson], source: str, at: dt.datetime | None = None
) -> tuple[list[StoredPerson | Refusal], int]:
    """Store people and then their joins; gives what became of each, and how many attribute values were set aside.

    Who was erased is refused like anything else that is wrong with one person; the others are stored.
    """
    at = at or clock.now()
    with transaction.atomic():
        result = upsert_subscribers(rows=[given.row for given in people], source=source, at=at)
        refused = {row.index: row.refusal for row in result.refused}
        stored = Subscriber.objects.in_bulk([pk for pk in result.ids if pk is not None])
        topics = {topic.key: topic for topic in Topic.objects.filter(key__in=_named(people))}
        fates: list[StoredPerson | Refusal] = []
        for index, (given, pk) in enumerate(zip(people, result.ids, strict=True)):
            if pk is None:
                erased = Refusal("email", _("belonged to a person who was erased"))
                fates.append(refused.get(index, erased))
                continue
            person = stored[pk]
            joined = [join(person, topics.get(wish.topic), wish, now=at) for wish in given.joins]
            fates.append(StoredPerson(person, _what(person, at), joined))
    return fates, result.quarantined


def join(person: Subscriber, topic: Topic | None, wish: Join, *, now: dt.datetime) -> Joined:
    """Join a person to a topic by the word they gave elsewhere; a word older than their leaving does not count."""
    if topic is None:
        return Joined(wish.topic, None, _("There is no such topic."))
    if wish.at > now + clock.AHEAD:
        return Joined(wish.topic, None, _("The time of the consent lies in the future."))
    outcome = subscribe(
        subscriber=person,
        topic=topic,
        source=wish.source,
        at=wish.at,
        basis=wish.basis,
        wording=wish.wording,
        double=wish.double,
    )
    reason = _("They left later than that, or may not be mailed.") if outcome is Outcome.REFUSED else ""
    return Joined(wish.topic, outcome, reason)


def _named(people: Sequence[GivenPerson]) -> set[str]:
    return {wish.topic for given in people for wish in given.joins}


def _what(person: Subscriber, at: dt.datetime) -> What:
    """Storing stamps what it writes with ``at``."""
    if person.created_at == at:
        return "created"
    return "updated" if person.updated_at == at else "unchanged"
