"""What is stored, as a simulation reads it: events in the order in which they were heard, people and orders in batches."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Case, Exists, F, OuterRef, Q, When

from campaigns.automations import calendar, dates
from campaigns.automations.matching import EventFacts
from campaigns.automations.models import Automation, Enrolment
from campaigns.automations.nodes import CallTrigger, DateTrigger, Definition, QuietTrigger, WaitDateStep
from campaigns.automations.timing import PersonDate
from campaigns.automations.types import Arrival, AutomationState
from campaigns.delivery.models import Message
from campaigns.delivery.types import MailingKind, MessageState
from personalize.core.database import among
from personalize.core.localtime import ONE_DAY, zone
from segments.commerce.models import Order, OrderStatus
from segments.consent.models import Subscription, SubscriptionState, Suppression
from segments.events.models import Event
from segments.subscribers.models import Rhythm, Subscriber
from segments.subscribers.querysets import SubscriberQuerySet

CHUNK = 10_000
A_MOMENT = dt.timedelta(seconds=1)
"""So much later than it happened is taken to have been heard what was only told long after."""

LOOK_BACK = dt.timedelta(days=30)
"""How long before the beginning orders are read: somebody who has just ordered may have to stay out."""

NEAR = ONE_DAY


@dataclass(frozen=True)
class Ordered:
    """An order: when it was placed, and when that was heard of."""

    at: dt.datetime
    heard: dt.datetime


@dataclass(frozen=True)
class Person:
    """Somebody as they are known now. ``stronger``: from when until when they were in what this automation gives way to."""

    pk: int
    zone: ZoneInfo
    erased: bool
    suppressed: bool
    follows: bool | None
    weekly: bool
    dates: Mapping[str, PersonDate]
    orders: Sequence[Ordered]
    stronger: Sequence[tuple[dt.datetime, dt.datetime | None]]


def events(
    names: Iterable[str], since: dt.datetime, until: dt.datetime, people: SubscriberQuerySet | None
) -> Iterator[tuple[dt.datetime, EventFacts]]:
    """Events of these names as they were heard between the two; what was told as history, when it happened."""
    names = sorted(names)
    if not names:
        return
    heard = Case(When(historic=True, then=F("occurred_at")), default=F("received_at"))
    rows = Event.objects.filter(name__in=names).annotate(heard=heard).filter(heard__gte=since, heard__lt=until)
    if people is not None:
        rows = rows.filter(subscriber__in=people.order_by().values("pk"))
    columns = ("uuid", "subscriber_id", "name", "subject", "source", "occurred_at", "heard", "amount", "properties")
    ordered = rows.order_by("heard", "occurred_at", "received_at", "pk")
    for historic, *fields in ordered.values_list("historic", *columns).iterator(chunk_size=5_000):
        event = EventFacts(*fields)
        yield (event.received_at + A_MOMENT if historic else event.received_at), event


def arrivals(
    automation: Automation,
    definition: Definition,
    since: dt.datetime,
    until: dt.datetime,
    people: SubscriberQuerySet,
) -> Iterator[tuple[dt.datetime, Arrival]]:
    """Those whom no event brings in, with the instant: by their dates and silences; by hand, as it was really done."""
    trigger = definition.trigger
    if isinstance(trigger, CallTrigger):
        yield from _called(automation, since, until, people)
        return
    if not isinstance(trigger, DateTrigger | QuietTrigger):
        return
    elsewhere = dates.brand_zone()
    start = since
    while start < until:
        end = min(start + ONE_DAY, until)
        if isinstance(trigger, DateTrigger):
            found = calendar.due_dates(trigger=trigger, since=start, until=end, zone=elsewhere, people=people)
            named = [(one.started_at, one) for one in found]
        else:
            silent = calendar.due_silences(trigger=trigger, since=start, until=end, people=people)
            named = [(_next_look(one.started_at), one) for one in silent]
        yield from sorted(named, key=lambda one: (one[0], one[1].subscriber_id))
        start = end


def _next_look(at: dt.datetime) -> dt.datetime:
    """Silences are looked for each quarter of an hour."""
    return at + (dt.datetime.min.replace(tzinfo=dt.UTC) - at) % calendar.QUARTER


def _called(
    automation: Automation, since: dt.datetime, until: dt.datetime, people: SubscriberQuerySet
) -> Iterator[tuple[dt.datetime, Arrival]]:
    rows = Enrolment.objects.filter(
        automation=automation, event=None, created_at__gte=since, created_at__lt=until, subscriber__in=people
    )
    columns = ("created_at", "subscriber_id", "entry_key", "started_at", "context")
    for created_at, *fields in rows.order_by("created_at", "pk").values_list(*columns).iterator():
        yield created_at, Arrival(*fields)


def read_people(
    ids: Collection[int],
    automation: Automation,
    definition: Definition,
    since: dt.datetime,
    until: dt.datetime,
    brand_zone: str,
) -> dict[int, Person]:
    """These people by id; a fixed number of queries."""
    barred = Suppression.objects.in_force(until).concerning(automation.topic_id)
    joined = Subscription.objects.filter(
        Q(topic_id=automation.topic_id), subscriber=OuterRef("pk"), state=SubscriptionState.SUBSCRIBED
    )
    rows = (
        Subscriber.objects.filter(pk__in=among(ids))
        .annotate(barred=Exists(barred.filter(address_key=OuterRef("address_key"))), follows=Exists(joined))
        .values_list("pk", "time_zone", "erased_at", "barred", "follows", "rhythm")
    )
    fields = {step.field for step in definition.steps.values() if isinstance(step, WaitDateStep)}
    known = {field: dates.of(field, sorted(ids), brand_zone) for field in fields}
    orders, stronger = _orders(ids, since, until), _stronger(ids, automation, definition)
    return {
        pk: Person(
            pk=pk,
            zone=zone(name, brand_zone),
            erased=erased_at is not None,
            suppressed=suppressed,
            follows=follows if automation.topic_id else None,
            weekly=rhythm == Rhythm.WEEKLY,
            dates={field: found[pk] for field, found in known.items() if pk in found},
            orders=orders.get(pk, ()),
            stronger=stronger.get(pk, ()),
        )
        for pk, name, erased_at, suppressed, follows, rhythm in rows
    }


def _orders(ids: Collection[int], since: dt.datetime, until: dt.datetime) -> dict[int, list[Ordered]]:
    """Orders by person, oldest first. Where an event tells of one, it was heard of when that was."""
    found: dict[int, list[Ordered]] = defaultdict(list)
    begin = since - LOOK_BACK
    told = Event.objects.filter(subscriber__in=among(ids), name="order_placed", occurred_at__gte=begin)
    told = told.filter(occurred_at__lt=until)
    known: set[tuple[str, str]] = set()
    columns = ("subscriber_id", "source", "subject", "occurred_at", "received_at", "historic")
    for person, source, number, at, received, historic in told.values_list(*columns):
        known.add((source, number))
        found[person].append(Ordered(at, at) if historic else Ordered(min(at, received), received))
    placed = Order.objects.filter(subscriber__in=among(ids), placed_at__gte=begin, placed_at__lt=until)
    rows = placed.exclude(status=OrderStatus.CANCELLED).order_by()
    for person, source, number, at in rows.values_list("subscriber_id", "source", "number", "placed_at"):
        if person is not None and (source, number) not in known:
            found[person].append(Ordered(at, at))
    for theirs in found.values():
        theirs.sort(key=lambda one: one.at)
    return found


def _stronger(
    ids: Collection[int], automation: Automation, definition: Definition
) -> dict[int, list[tuple[dt.datetime, dt.datetime | None]]]:
    found: dict[int, list[tuple[dt.datetime, dt.datetime | None]]] = defaultdict(list)
    if definition.entry.gives_way_to:
        rows = Enrolment.objects.filter(
            subscriber__in=among(ids),
            automation__state=AutomationState.LIVE,
            automation__recipe__in=definition.entry.gives_way_to,
        ).exclude(automation=automation)
        for person, begun, ended in rows.values_list("subscriber_id", "created_at", "ended_at"):
            found[person].append((begun, ended))
    return found


def near_others(
    mails: Sequence[tuple[int, dt.datetime, str]], group: UUID, since: dt.datetime, until: dt.datetime
) -> tuple[dict[str, int], dict[str, int]]:
    """Which of the simulated mails come within a day of a marketing mail that really went: how many by step, and by mailing."""
    theirs: dict[int, list[tuple[dt.datetime, str]]] = defaultdict(list)
    for person, at, step in mails:
        theirs[person].append((at, step))
    sent = Message.objects.filter(
        state=MessageState.SENT,
        handed_at__gte=since - NEAR,
        handed_at__lt=until + NEAR,
        mailing__kind=MailingKind.MARKETING,
    ).exclude(Q(mailing__group=group, mailing__group__isnull=False))
    near: set[tuple[int, dt.datetime, str]] = set()
    names: dict[str, set[tuple[int, dt.datetime]]] = defaultdict(set)
    rows = sent.order_by().values_list("subscriber_id", "handed_at", "mailing__name")
    for person, handed_at, name in rows.iterator(chunk_size=5_000) if theirs else ():
        for at, step in theirs.get(person, ()):
            if handed_at is not None and abs(at - handed_at) <= NEAR:
                near.add((person, at, step))
                names[name].add((person, at))
    by_step = Counter(step for _person, _at, step in near)
    by_name = sorted(((name, len(found)) for name, found in names.items()), key=lambda one: (-one[1], one[0]))
    return dict(by_step), dict(by_name)
