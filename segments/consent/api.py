"""People and what they follow, told and asked by other systems."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Annotated, Any, Literal

from django.http import HttpResponse
from pydantic import AwareDatetime, BaseModel, Field, SkipValidation

from personalize.accounts.gateway import BATCH, MANY, ApiRequest, Gate, Given, not_found, read_item, source_of
from personalize.core import clock
from personalize.core.problems import problem
from segments.consent import intake
from segments.consent.intake import GivenPerson, Join, Joined, StoredPerson, store_people
from segments.consent.models import Subscription, Topic
from segments.consent.services import unsubscribe
from segments.consent.types import Outcome
from segments.subscribers.lookup import CONTROL, find_people, reference
from segments.subscribers.models import ExternalId, Subscriber
from segments.subscribers.types import Refusal, SubscriberRow

gate = Gate("Subscribers")

MAX_JOINS = 500
"""How many joins one batch may ask for; each is a proof of its own."""

_JOIN_EXAMPLE = {
    "wording": "Yes, send me news about winter and gifts.",
    "source": "checkout",
    "at": "2026-11-19T08:40:00Z",
    "basis": "consent",
}
_EXAMPLE = {
    "email": "ann.whitaker@post.example",
    "external_id": "C-1042",
    "first_name": "Ann",
    "country": "GB",
    "attributes": {"shoe_size": 39},
    "topics": [{"topic": "news", **_JOIN_EXAMPLE}],
}


class ConsentIn(Given):
    """A person's own word that they join: the words they saw, where, and when. Nobody is joined without it."""

    wording: Annotated[str, Field(min_length=1, description="What they agreed to, word for word.")]
    source: Annotated[str, Field(min_length=1, max_length=60, description="Where they said so, such as checkout.")]
    at: Annotated[AwareDatetime, Field(description="When they said so; if they left after that, it does not count.")]
    basis: Annotated[str, Field(max_length=80)] = ""
    double: Annotated[
        bool | None, Field(description="Whether they must confirm by mail first; the topic decides when left out.")
    ] = None


class JoinIn(ConsentIn):
    topic: Annotated[str, Field(max_length=40, description="The topic's key.")]


class ChangeIn(Given):
    """What is known of a person. What is left out stays as it is, an empty text clears it."""

    external_id: Annotated[str | None, Field(max_length=120, description="Your own id for the person.")] = None
    first_name: str | None = None
    last_name: str | None = None
    preferred_name: str | None = None
    title: str | None = None
    language: Annotated[str | None, Field(description="Such as en or de-AT.")] = None
    time_zone: Annotated[str | None, Field(description="Such as Europe/London.")] = None
    country: Annotated[str | None, Field(description="Two letters, or the English name.")] = None
    region: str | None = None
    city: str | None = None
    postal_code: str | None = None
    latitude: Annotated[float | None, Field(ge=-90, le=90)] = None
    longitude: Annotated[float | None, Field(ge=-180, le=180)] = None
    birth_date: Annotated[str | None, Field(description="1988-02-29, or without the year --02-29.")] = None
    attributes: Annotated[
        dict[str, Any], Field(max_length=100, description="Defined attributes by key; null removes a value.")
    ] = {}


class PersonIn(ChangeIn):
    """A person, known by address, with the topics they joined in your system."""

    email: Annotated[str, Field(max_length=254)]
    topics: Annotated[list[JoinIn], Field(max_length=20)] = []


class PeopleIn(Given):
    # Each is read on its own, so that a bad one does not stop the others.
    subscribers: Annotated[list[SkipValidation[PersonIn]], Field(min_length=1, max_length=BATCH)]


Word = Literal["subscribed", "pending", "unchanged", "refused"]
_WORDS: dict[Outcome | None, Word] = {
    Outcome.CHANGED: "subscribed",
    Outcome.PENDING: "pending",
    Outcome.UNCHANGED: "unchanged",
}


class JoinOut(BaseModel):
    """``pending``: they were asked by mail to confirm. ``refused``: they left later, or may not be mailed."""

    topic: str
    outcome: Word
    reason: str = ""


class PersonOut(BaseModel):
    id: uuid.UUID
    outcome: Literal["created", "updated", "unchanged"]
    topics: list[JoinOut] = []
    quarantined: Annotated[int, Field(description="Values that did not fit their field and were set aside.")] = 0


class PersonResult(BaseModel):
    outcome: Literal["created", "updated", "unchanged", "refused"]
    id: uuid.UUID | None = None
    reason: str = ""
    topics: list[JoinOut] = []


class PeopleOut(BaseModel):
    """What became of each person, in the order in which they came."""

    created: int
    updated: int
    unchanged: int
    refused: int
    quarantined: int
    results: list[PersonResult]


class Person(BaseModel):
    """A person as we know them; ``topics`` gives the state by topic: subscribed, pending or unsubscribed."""

    id: uuid.UUID
    email: str
    external_id: Annotated[str, Field(description="Your own id for them, if we know it.")]
    first_name: str
    last_name: str
    preferred_name: str
    title: str
    language: str
    time_zone: str
    country: str
    region: str
    city: str
    postal_code: str
    latitude: float | None
    longitude: float | None
    birth_date: str
    attributes: dict[str, Any]
    topics: dict[str, str]
    created_at: dt.datetime
    updated_at: dt.datetime


class People(BaseModel):
    items: list[Person]
    next: Annotated[uuid.UUID | None, Field(description="Give it as after to get the next page; null at the end.")]


class LeftOut(BaseModel):
    outcome: Literal["changed", "unchanged"]


class TopicOut(BaseModel):
    key: str
    name: str
    opt_in: Annotated[str, Field(description="single, or double: they confirm by mail.")]


class Topics(BaseModel):
    items: list[TopicOut]


@gate.operation("POST", "/subscribers", scope="subscribers:write", response=PersonOut, example=_EXAMPLE)
def store_subscriber(request: ApiRequest, payload: PersonIn) -> PersonOut | HttpResponse:
    """Create or change the person with this address, and join them to topics by their own word."""
    return _stored(request, GivenPerson(_row(payload, payload.email), _joins(request, payload)))


@gate.operation(
    "POST",
    "/subscribers/batch",
    scope="subscribers:write",
    response=PeopleOut,
    limit=MANY,
    example={"subscribers": [_EXAMPLE]},
)
def store_many_subscribers(request: ApiRequest, payload: PeopleIn) -> PeopleOut | HttpResponse:
    """Store up to 500 people, with up to 500 joins together; those that are wrong are refused one by one."""
    items = [read_item(PersonIn, item) for item in payload.subscribers]
    good = [GivenPerson(_row(item, item.email), _joins(request, item)) for item in items if isinstance(item, PersonIn)]
    if sum(len(given.joins) for given in good) > MAX_JOINS:
        return problem(422, f"These are more than {MAX_JOINS} joins. Send fewer people at once.")
    stored, quarantined = store_people(people=good, source=request.caller.source)
    fates = iter(stored)
    results = [_result(item if isinstance(item, str) else next(fates)) for item in items]
    outcomes = [result.outcome for result in results]
    return PeopleOut(
        created=outcomes.count("created"),
        updated=outcomes.count("updated"),
        unchanged=outcomes.count("unchanged"),
        refused=outcomes.count("refused"),
        quarantined=quarantined,
        results=results,
    )


@gate.operation("GET", "/subscribers", scope="subscribers:read", response=People)
def list_subscribers(
    request: ApiRequest, after: uuid.UUID | None = None, limit: Annotated[int, Field(ge=1, le=500)] = 100
) -> People | HttpResponse:
    """Everybody, oldest first, a page at a time: give the answer's next as after until it is null."""
    people = Subscriber.objects.present().order_by("pk")
    if after is not None:
        last = Subscriber.objects.filter(uuid=after).values_list("pk", flat=True).first()
        if last is None:
            return not_found(request, what="subscriber to go on after")
        people = people.filter(pk__gt=last)
    page = list(people[: limit + 1])
    more = len(page) > limit
    page = page[:limit]
    return People(items=_people(page, request.caller.source), next=page[-1].uuid if more else None)


@gate.operation("GET", "/subscribers/{who}", scope="subscribers:read", response=Person)
def read_subscriber(request: ApiRequest, who: str) -> Person | HttpResponse:
    """One person. ``who`` is our id, ``external:`` with your id, or ``email:`` with the address."""
    person = _find(request, who)
    return person if isinstance(person, HttpResponse) else _people([person], request.caller.source)[0]


@gate.operation("PUT", "/subscribers/{who}", scope="subscribers:write", response=PersonOut, example={"city": "Bristol"})
def change_subscriber(request: ApiRequest, who: str, payload: ChangeIn) -> PersonOut | HttpResponse:
    """Change a person who is known. ``who`` as for reading; what is left out stays as it is."""
    person = _find(request, who)
    if isinstance(person, HttpResponse):
        return person
    return _stored(request, GivenPerson(_row(payload, person.email or "")))


@gate.operation(
    "PUT",
    "/subscribers/{who}/topics/{topic}",
    scope="subscribers:write",
    response=JoinOut,
    example=_JOIN_EXAMPLE,
)
def join_topic(request: ApiRequest, who: str, topic: str, payload: ConsentIn) -> JoinOut | HttpResponse:
    """Join a person to a topic by their own word."""
    person = _find(request, who)
    if isinstance(person, HttpResponse):
        return person
    found = _topic(topic)
    if found is None:
        return not_found(request, what="topic")
    return _joined(intake.join(person, found, _join(request, found.key, payload), now=clock.now()))


@gate.operation("DELETE", "/subscribers/{who}/topics/{topic}", scope="subscribers:write", response=LeftOut)
def leave_topic(request: ApiRequest, who: str, topic: str) -> LeftOut | HttpResponse:
    """Take a person off a topic. It always takes effect."""
    person = _find(request, who)
    if isinstance(person, HttpResponse):
        return person
    found = _topic(topic)
    if found is None:
        return not_found(request, what="topic")
    return _left(unsubscribe(subscriber=person, topic=found, source=source_of(request)))


@gate.operation("DELETE", "/subscribers/{who}/topics", scope="subscribers:write", response=LeftOut)
def leave_everything(request: ApiRequest, who: str) -> LeftOut | HttpResponse:
    """Take a person off all marketing. It always takes effect."""
    person = _find(request, who)
    if isinstance(person, HttpResponse):
        return person
    return _left(unsubscribe(subscriber=person, topic=None, source=source_of(request)))


@gate.operation("GET", "/topics", scope="subscribers:read", response=Topics)
def list_topics(request: ApiRequest) -> Topics:
    """What there is to follow."""
    return Topics(
        items=[TopicOut(key=topic.key, name=topic.name, opt_in=topic.opt_in) for topic in Topic.objects.all()]
    )


def _find(request: ApiRequest, who: str) -> Subscriber | HttpResponse:
    named = reference(who)
    if named is None:
        return not_found(request, what="subscriber")
    found = find_people(references=[named], source=request.caller.source)
    if found.ids[0] is None:
        return not_found(request, what="subscriber", foreign=found.foreign[0])
    return Subscriber.objects.get(pk=found.ids[0])


def _topic(key: str) -> Topic | None:
    return None if CONTROL.search(key) else Topic.objects.filter(key=key).first()


def _stored(request: ApiRequest, given: GivenPerson) -> PersonOut | HttpResponse:
    [fate], quarantined = store_people(people=[given], source=request.caller.source)
    if isinstance(fate, Refusal):
        errors = [{"at": fate.field, "reason": fate.reason}]
        return problem(422, "The person was not stored.", errors=errors)
    return PersonOut(
        id=fate.person.uuid,
        outcome=fate.what,
        topics=[_joined(joined) for joined in fate.joined],
        quarantined=quarantined,
    )


def _result(fate: StoredPerson | Refusal | str) -> PersonResult:
    if isinstance(fate, StoredPerson):
        topics = [_joined(joined) for joined in fate.joined]
        return PersonResult(outcome=fate.what, id=fate.person.uuid, topics=topics)
    return PersonResult(outcome="refused", reason=str(fate))


def _joined(joined: Joined) -> JoinOut:
    return JoinOut(topic=joined.topic, outcome=_WORDS.get(joined.outcome, "refused"), reason=joined.reason)


def _left(outcome: Outcome) -> LeftOut:
    return LeftOut(outcome="changed" if outcome is Outcome.CHANGED else "unchanged")


def _row(given: ChangeIn, email: str) -> SubscriberRow:
    values = given.model_dump(exclude={"email", "topics", "external_id"})
    return SubscriberRow(email=email, external_id=given.external_id or "", **values)


def _joins(request: ApiRequest, given: PersonIn) -> list[Join]:
    return [_join(request, wish.topic, wish) for wish in given.topics]


def _join(request: ApiRequest, topic: str, wish: ConsentIn) -> Join:
    return Join(
        topic=topic,
        at=wish.at,
        source=f"{source_of(request)}: {wish.source}"[:80],
        wording=wish.wording,
        basis=wish.basis,
        double=wish.double,
    )


def _people(people: list[Subscriber], source: str) -> list[Person]:
    """People as this source sees them, with a fixed number of queries."""
    links = dict(ExternalId.objects.filter(subscriber__in=people, source=source).values_list("subscriber_id", "value"))
    topics: dict[int, dict[str, str]] = {person.pk: {} for person in people}
    for pk, key, state in Subscription.objects.filter(subscriber__in=people).values_list(
        "subscriber_id", "topic__key", "state"
    ):
        topics[pk][key] = state
    return [
        Person(
            id=person.uuid,
            birth_date=_birth_date(person),
            external_id=links.get(person.pk, ""),
            topics=topics[person.pk],
            **{name: getattr(person, name) for name in _PLAIN},
        )
        for person in people
    ]


_PLAIN = tuple(set(Person.model_fields) - {"id", "birth_date", "external_id", "topics"})


def _birth_date(person: Subscriber) -> str:
    if person.birth_month is None:
        return ""
    return f"{person.birth_year or '-'}-{person.birth_month:02}-{person.birth_day:02}"
