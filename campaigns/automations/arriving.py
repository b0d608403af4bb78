"""What is to be known of people who arrive before it is decided whether they come in: read for all of them, and for all
automations they arrive at, at once.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from django.conf import settings
from django.db.models import Count, Max, Q
from django.db.models.functions import Least

from campaigns.automations import entering
from campaigns.automations.entering import EntryFacts
from campaigns.automations.models import Automation, Enrolment
from campaigns.automations.nodes import Definition
from campaigns.automations.types import Arrival, AutomationState
from personalize.core.clock import AHEAD
from personalize.core.database import among
from segments.commerce.models import Order
from segments.consent.models import Subscription, SubscriptionState, Suppression
from segments.events.models import Event
from segments.segmentation.rules.reading import RuleError
from segments.segmentation.services import condition
from segments.subscribers.models import Subscriber

logger = logging.getLogger(__name__)

DAY = dt.timedelta(days=1)

Pair: TypeAlias = tuple[int, int]
"""An automation and a person, by id."""


@dataclass(frozen=True)
class Named:
    """Somebody who arrives at an automation, with what that says now."""

    automation: Automation
    definition: Definition
    arrival: Arrival

    @property
    def pair(self) -> Pair:
        return self.automation.pk, self.arrival.subscriber_id

    @property
    def key(self) -> tuple[int, int, str]:
        """What is unique among enrolments."""
        return *self.pair, self.arrival.entry_key


@dataclass
class Person:
    """Somebody and their standing: ``barred`` from these topics (None: from all), following these, in these recipes."""

    erased: bool
    barred: set[int | None] = field(default_factory=set)
    follows: set[int] = field(default_factory=set)
    recipes: set[tuple[str, int]] = field(default_factory=set)
    ordered_at: dt.datetime | None = None


@dataclass
class Past:
    """What somebody has been through in one automation."""

    ever: bool = False
    open: bool = False
    entered_at: dt.datetime | None = None
    exited_at: dt.datetime | None = None
    mailed_at: dt.datetime | None = None
    lately: int = 0


@dataclass
class Known:
    """The facts about several arrivals. Whoever comes in is noted, so that the next one knows of it."""

    at: dt.datetime
    people: dict[int, Person]
    past: dict[Pair, Past]
    keys: set[tuple[int, int, str]]
    holding: dict[int, set[int]]

    def facts(self, named: Named) -> EntryFacts:
        """What is known of one arrival of a person who is there."""
        automation, entry, arrival = named.automation, named.definition.entry, named.arrival
        person, past = self.people[arrival.subscriber_id], self.past[named.pair]
        holding = self.holding.get(automation.pk)
        return EntryFacts(
            at=self.at,
            started_at=arrival.started_at,
            late=entering.latest(named.definition.trigger),
            erased=person.erased,
            suppressed=bool(person.barred & {None, automation.topic_id}),
            follows=automation.topic_id in person.follows if automation.topic_id else None,
            holds=holding is None or arrival.subscriber_id in holding,
            known=named.key in self.keys,
            ordered_at=person.ordered_at,
            stronger=any(recipe in entry.gives_way_to and other != automation.pk for recipe, other in person.recipes),
            most=settings.AUTOMATION_DAILY_ENTRIES,
            **vars(past),
        )

    def came_in(self, named: Named) -> None:
        """Note that this person is in it now."""
        past = self.past[named.pair]
        past.ever = past.open = True
        past.entered_at = self.at
        past.lately += 1
        self.keys.add(named.key)
        self.people[named.arrival.subscriber_id].recipes.add((named.automation.recipe, named.automation.pk))


def read(named: Sequence[Named], people: Collection[int], at: dt.datetime) -> Known:
    """The facts about these arrivals of these people, as things are ``at``: one query for each kind of fact, and for each
    rule."""
    automations = {one.automation.pk: one for one in named}
    known = _people(automations, people, at)
    _note_recipes(known, automations)
    _note_orders(known, named, at)
    keys = Enrolment.objects.filter(
        automation__in=automations,
        subscriber__in=among(people),
        entry_key__in={one.arrival.entry_key for one in named},
    )
    return Known(
        at=at,
        people=known,
        past=_past(automations, people, at),
        keys=set(keys.values_list("automation_id", "subscriber_id", "entry_key")),
        holding={pk: holding for pk, one in automations.items() if (holding := _holding(one, people, at)) is not None},
    )


def _people(automations: dict[int, Named], people: Collection[int], at: dt.datetime) -> dict[int, Person]:
    rows = list(Subscriber.objects.filter(pk__in=among(people)).values_list("pk", "address_key", "erased_at"))
    found = {pk: Person(erased=erased_at is not None) for pk, _key, erased_at in rows}
    addresses = {key: pk for pk, key, _erased_at in rows}
    bars = Suppression.objects.in_force(at).filter(address_key__in=addresses)
    for key, topic in bars.values_list("address_key", "topic_id"):
        found[addresses[key]].barred.add(topic)
    topics = {one.automation.topic_id for one in automations.values()} - {None}
    if topics:
        joined = Subscription.objects.filter(
            subscriber__in=among(people), topic__in=topics, state=SubscriptionState.SUBSCRIBED
        )
        for pk, topic in joined.values_list("subscriber_id", "topic_id"):
            found[pk].follows.add(topic)
    return found


def _note_recipes(people: dict[int, Person], automations: dict[int, Named]) -> None:
    """Which live automations they are in of the recipes that something gives way to."""
    wanted = {recipe for one in automations.values() for recipe in one.definition.entry.gives_way_to}
    if not wanted:
        return
    stronger = Enrolment.objects.filter(
        subscriber__in=among(people),
        ended_at__isnull=True,
        automation__state=AutomationState.LIVE,
        automation__recipe__in=wanted,
    )
    for pk, recipe, automation in stronger.values_list("subscriber_id", "automation__recipe", "automation_id"):
        people[pk].recipes.add((recipe, automation))


def _note_orders(people: dict[int, Person], named: Sequence[Named], at: dt.datetime) -> None:
    """When they ordered last, as far back as it matters.

    An order of the future is a slip of whoever wrote it: its row says nothing yet, and its event that it was known when
    it came.
    """
    starts = [
        one.arrival.started_at - one.definition.entry.no_order_since.delta
        for one in named
        if one.definition.entry.no_order_since is not None
    ]
    if not starts:
        return
    theirs, since = Q(subscriber__in=among(people)), min(starts)
    orders = Order.objects.filter(theirs, placed_at__gte=since, placed_at__lte=at + AHEAD)
    events = Event.objects.filter(theirs, name="order_placed", occurred_at__gte=since, received_at__gte=since)
    for rows, last in ((orders, Max("placed_at")), (events, Max(Least("occurred_at", "received_at")))):
        for pk, ordered_at in rows.order_by().values_list("subscriber_id").annotate(last=last):
            people[pk].ordered_at = max(ordered_at, people[pk].ordered_at or ordered_at)


def _past(automations: dict[int, Named], people: Collection[int], at: dt.datetime) -> dict[Pair, Past]:
    rows = Enrolment.objects.filter(automation__in=automations, subscriber__in=among(people)).order_by()
    counted = rows.values_list("automation_id", "subscriber_id").annotate(
        open=Count("pk", filter=Q(ended_at__isnull=True)),
        entered=Max("created_at"),
        exited=Max("ended_at"),
        mailed=Max("mailed_at"),
        lately=Count("pk", filter=Q(created_at__gt=at - DAY)),
    )
    found: dict[Pair, Past] = defaultdict(Past)
    for automation, person, open_, entered_at, exited_at, mailed_at, lately in counted:
        found[automation, person] = Past(True, open_ > 0, entered_at, exited_at, mailed_at, lately)
    return found


def _holding(one: Named, people: Collection[int], at: dt.datetime) -> set[int] | None:
    """Those of whom the entry's rule is true; None when there is no rule. One that names what is gone is true of nobody."""
    rule = one.definition.entry.rule
    if rule is None:
        return None
    try:
        asked = condition(rule=dict(rule), as_of=at, few=True)
    except RuleError as error:
        logger.warning(
            "Nobody comes into %s, for its rule cannot be asked any more: %s %s",
            one.automation,
            error.path,
            error.message,
        )
        return set()
    return set(Subscriber.objects.filter(asked, pk__in=among(people)).values_list("pk", flat=True))
