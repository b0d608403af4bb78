"""Who comes into automations, and what events mean for those who are in them: what ``matching``, ``entering`` and
``hearing`` decide is done here, in batches.

Locks are taken in one order, the person before their enrolments. The sweep waits for neither: whoever is busy elsewhere
is left for the next turn, so that it is never part of a deadlock.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from django.db import transaction

from campaigns.automations import arriving, entering, hearing, lives, matching
from campaigns.automations.arriving import Named
from campaigns.automations.leaving import exit_enrolments
from campaigns.automations.matching import EventFacts
from campaigns.automations.models import Automation, Enrolment, LeftOut
from campaigns.automations.published import definition_of
from campaigns.automations.types import Arrival, AutomationState, EnrolmentState, ExitReason, LeftOutReason
from personalize.core import audit
from personalize.core.clock import now
from personalize.core.copy import insert_new_rows, stored_moment, stored_uuid
from personalize.core.database import among, json_parameter
from personalize.core.queue import enqueue
from segments.events.models import Event
from segments.subscribers.models import Subscriber

SLICE = 1_000
ENTERED = "entered"
_NOT_TOLD = (LeftOutReason.KNOWN, LeftOutReason.ERASED)
"""Reasons that are not kept: the enrolment that is there says the one, and nothing is kept of the other."""

_COLUMNS = (
    "uuid",
    "automation_id",
    "version_id",
    "subscriber_id",
    "entry_key",
    "place",
    "state",
    "reason",
    "step",
    "due_at",
    "came_at",
    "started_at",
    "activity_at",
    "context",
    "event",
    "created_at",
)

Fate: TypeAlias = tuple[Named, LeftOutReason | None]


# --- in -----------------------------------------------------------------------------------------------------------------


def enrol(*, automation: Automation, arrivals: Iterable[Arrival], at: dt.datetime) -> Counter[str]:
    """Let in those who may come in; counts them as ``entered`` and the others by their LeftOutReason.

    Nobody comes into an automation that is not live. The same arrival again is KNOWN. Who came in ends what gives way to
    it. In one transaction, or in the caller's.
    """
    with transaction.atomic():
        fates = _admit(_named(automation, arrivals), at)
    return Counter(reason or ENTERED for _named, reason in fates)


def enrol_by_hand(
    *,
    automation: Automation,
    subscriber: Subscriber,
    actor: Any,
    entry_key: str = "",
    context: Mapping[str, Any] | None = None,
    at: dt.datetime | None = None,
) -> Enrolment | LeftOutReason:
    """Put one person in, through the same gates as everybody; the reason when they stay out.

    Without an ``entry_key`` they come in for nothing in particular: once, unless the automation lets people come again.
    ``context`` is what its mails may speak of, as in ``Arrival``. Raises ValueError when the automation is not live.
    """
    at = at or now()
    if automation.state != AutomationState.LIVE or automation.live is None:
        raise ValueError(f"The automation {automation} is not live.")
    again = definition_of(automation.live).entry.again
    given = entry_key or (matching.PERSON if again == "once_per_key" else "")
    key = matching.entry_key(again, given, fresh=uuid.uuid4().hex)
    with transaction.atomic():
        for _one, reason in _admit(_named(automation, [Arrival(subscriber.pk, key, at, context or {})]), at):
            if reason is not None:
                return reason
        enrolment = Enrolment.objects.get(automation=automation, subscriber=subscriber, entry_key=key)
        audit.record(actor=actor, action="automation.enrol", target=enrolment, automation=str(automation.uuid))
        enqueue("automations.look")
    return enrolment


def _named(automation: Automation, arrivals: Iterable[Arrival]) -> list[Named]:
    if automation.state != AutomationState.LIVE or automation.live is None:
        return []
    definition = definition_of(automation.live)
    return [Named(automation, definition, arrival) for arrival in arrivals]


def _admit(named: Sequence[Named], at: dt.datetime) -> list[Fate]:
    """What becomes of each arrival of people who are there, those of one person in the order of time."""
    ordered = sorted(named, key=lambda one: (one.arrival.subscriber_id, one.arrival.started_at, *one.key))
    fates: list[Fate] = []
    for start in range(0, len(ordered), SLICE):
        fates += _admit_slice(ordered[start : start + SLICE], at)
    return fates


def _admit_slice(named: Sequence[Named], at: dt.datetime) -> list[Fate]:
    people = sorted({one.arrival.subscriber_id for one in named})
    locked = Subscriber.objects.filter(pk__in=among(people)).order_by("pk")
    here = set(locked.select_for_update(of=("self",), no_key=True).values_list("pk", flat=True))
    known = arriving.read(named, here, at)
    fates: list[Fate] = []
    for one in named:
        if one.arrival.subscriber_id in here:
            reason = entering.decide(one.definition.entry, known.facts(one))
            if reason is None:
                known.came_in(one)
            fates.append((one, reason))
    entered = _insert([one for one, reason in fates if reason is None], at)
    # Somebody else was faster under the same key; the constraint said so.
    fates = [(one, reason or (None if one.key in entered else LeftOutReason.KNOWN)) for one, reason in fates]
    _note(fates, at)
    _end_weaker([one for one, reason in fates if reason is None], at)
    return fates


def _insert(named: Sequence[Named], at: dt.datetime) -> set[tuple[int, int, str]]:
    """Write the enrolments; gives the keys of those that no constraint stood against."""
    rows = [
        (
            stored_uuid(uuid.uuid4()),
            one.automation.pk,
            one.automation.live_id,
            one.arrival.subscriber_id,
            one.arrival.entry_key,
            "open" if one.definition.entry.again == "after_exit" else None,
            EnrolmentState.ACTIVE.value,
            "",
            one.definition.first,
            stored_moment(at),
            # Who comes by an event is where they would be had it been heard at once; others begin now.
            stored_moment(one.arrival.started_at if one.arrival.event else at),
            stored_moment(one.arrival.started_at),
            stored_moment(one.arrival.started_at),
            json_parameter(dict(one.arrival.context)),
            stored_uuid(one.arrival.event) if one.arrival.event else None,
            stored_moment(at),
        )
        for one in named
    ]
    return set(insert_new_rows(Enrolment, _COLUMNS, rows, returning=["automation_id", "subscriber_id", "entry_key"]))


def _note(fates: Sequence[Fate], at: dt.datetime) -> None:
    """Keep why people stayed out, and forget it of those who came in."""
    entered = {_filed_under(one) for one, reason in fates if reason is None}
    stale = LeftOut.objects.filter(
        automation__in={automation for automation, _person, _key in entered},
        subscriber__in=among({person for _automation, person, _key in entered}),
        entry_key__in={key for _automation, _person, key in entered},
    )
    filed = stale.values_list("pk", "automation_id", "subscriber_id", "entry_key") if entered else []
    over = [pk for pk, *under in filed if tuple(under) in entered]
    if over:
        LeftOut.objects.filter(pk__in=over).delete()
    out = {
        _filed_under(one): LeftOut(reason=reason, at=at, event=one.arrival.event)
        for one, reason in fates
        if reason is not None and reason not in _NOT_TOLD
    }
    for (automation, person, key), row in out.items():
        row.automation_id, row.subscriber_id, row.entry_key = automation, person, key
    LeftOut.objects.bulk_create(
        out.values(),
        update_conflicts=True,
        unique_fields=["automation", "subscriber", "entry_key"],
        update_fields=["reason", "at", "event"],
    )


def _filed_under(one: Named) -> tuple[int, int, str]:
    """Where it is noted that somebody stayed out."""
    return *one.pair, matching.filed_under(one.definition.entry.again, one.arrival)


def _end_weaker(named: Sequence[Named], at: dt.datetime) -> None:
    """End what those who came in are in that gives way to the recipe they came into."""
    people: dict[str, set[int]] = defaultdict(set)
    for one in named:
        if one.automation.recipe:
            people[one.automation.recipe].add(one.arrival.subscriber_id)
    if not people:
        return
    definitions = lives.current().definitions
    for recipe, some in people.items():
        weaker = [version for version, said in definitions.items() if recipe in said.entry.gives_way_to]
        if weaker:
            theirs = Enrolment.objects.filter(subscriber__in=among(some), version__in=weaker)
            exit_enrolments(enrolments=theirs.exclude(automation__recipe=recipe), reason=ExitReason.GAVE_WAY, at=at)


# --- by events ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _News:
    """An event, and whom it names for which automation."""

    event: EventFacts
    arrivals: Sequence[tuple[int, Arrival]]


def sweep_events(at: dt.datetime | None = None, limit: int = 500) -> bool:
    """Do what the oldest events that nobody looked at yet mean for automations; false when there was nothing to do.

    People come in, go out, are woken or begin their wait anew, and the events are marked, in one transaction. Any number
    of processes may do so at once.
    """
    if not Event.objects.filter(processed_at__isnull=True).exists():
        return False
    at = at or now()
    with transaction.atomic():
        claimed = Event.objects.filter(processed_at__isnull=True).order_by("received_at", "pk")
        claimed = claimed.select_for_update(of=("self",), skip_locked=True)
        names = dict(claimed.values_list("pk", "name")[:limit])
        known = lives.current()
        heard = _facts([pk for pk, name in names.items() if known.cares(name)])
        free = _free({event.subscriber_id for event in heard.values()})
        left = {pk for pk, event in heard.items() if event.subscriber_id not in free}
        news = [_News(event, known.matcher.arrivals(event)) for pk, event in heard.items() if pk not in left]
        for round_ in _rounds(news, known.exits):
            _let_in(round_, known, at)
            _let_know(round_, known, at)
        done = names.keys() - left
        Event.objects.filter(pk__in=among(done)).update(processed_at=at)
    return bool(done)


def _facts(ids: Sequence[int]) -> dict[int, EventFacts]:
    """The events by id, in the order in which they happened."""
    fields = (
        "uuid",
        "subscriber_id",
        "name",
        "subject",
        "source",
        "occurred_at",
        "received_at",
        "amount",
        "properties",
    )
    rows = Event.objects.filter(pk__in=among(ids)).values_list("pk", *fields)
    found = [(pk, EventFacts(*values)) for pk, *values in rows]
    return dict(sorted(found, key=lambda row: (row[1].at, row[1].received_at, row[0])))


def _free(people: set[int]) -> set[int]:
    """Those of the people whom nobody else is at work on, held with their open enrolments until the transaction ends."""
    held = Subscriber.objects.filter(pk__in=among(people)).order_by("pk")
    held = held.select_for_update(of=("self",), no_key=True, skip_locked=True)
    mine = set(held.values_list("pk", flat=True))
    open_ = Enrolment.objects.filter(subscriber__in=among(mine), ended_at__isnull=True).order_by("pk")
    theirs = set(open_.values_list("pk", "subscriber_id"))
    locked = open_.select_for_update(of=("self",), no_key=True, skip_locked=True)
    return mine - {person for _pk, person in theirs - set(locked.values_list("pk", "subscriber_id"))}


def _rounds(news: Sequence[_News], exits: Collection[str]) -> Iterator[list[_News]]:
    """The news cut so that within a round nobody comes in after something that may have let them out.

    News of six hours that are heard at once then mean what they would have meant one by one. Most need one round.
    """
    rounds: dict[int, list[_News]] = defaultdict(list)
    turn: Counter[int] = Counter()
    may_be_out: set[int] = set()
    for one in news:
        person = one.event.subscriber_id
        if one.arrivals and person in may_be_out:
            turn[person] += 1
            may_be_out.discard(person)
        if one.event.name in exits:
            may_be_out.add(person)
        rounds[turn[person]].append(one)
    yield from (rounds[number] for number in sorted(rounds))


def _let_in(news: Sequence[_News], known: lives.Known, at: dt.datetime) -> None:
    arrivals: dict[int, list[Arrival]] = defaultdict(list)
    for one in news:
        for automation, arrival in one.arrivals:
            arrivals[automation].append(arrival)
    _admit([one for pk, some in arrivals.items() for one in _named(known.automations[pk], some)], at)


def _let_know(news: Sequence[_News], known: lives.Known, at: dt.datetime) -> None:
    """Tell everybody's open enrolments what happened."""
    open_: dict[int, list[Enrolment]] = defaultdict(list)
    people = among({one.event.subscriber_id for one in news})
    for enrolment in Enrolment.objects.filter(subscriber__in=people, ended_at__isnull=True):
        if enrolment.version_id in known.definitions:
            open_[enrolment.subscriber_id].append(enrolment)
    outs: dict[str, list[int]] = defaultdict(list)
    changed: dict[int, Enrolment] = {}
    for event in (one.event for one in news):
        for enrolment in list(open_[event.subscriber_id]):
            definition = known.definitions[enrolment.version_id]
            reason = hearing.reason_to_go(definition, event, enrolment)
            if reason:
                open_[event.subscriber_id].remove(enrolment)
                changed.pop(enrolment.pk, None)
                outs[reason].append(enrolment.pk)
            elif hearing.changes(definition, event, enrolment, at):
                changed[enrolment.pk] = enrolment
    for reason, ids in outs.items():
        exit_enrolments(enrolments=Enrolment.objects.filter(pk__in=among(ids)), reason=reason, at=at)
    Enrolment.objects.bulk_update(changed.values(), ["due_at", "activity_at", "context"])
