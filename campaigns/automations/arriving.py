"""What is to be known of people who arrive before it is decided whether they come in: read for all of them at once."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.db.models import Count, Exists, Max, OuterRef, Q
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


@dataclass
class Arrivals:
    """The facts about several arrivals at one automation. Whoever comes in is noted, so that the next one knows of it."""

    people: dict[int, EntryFacts]
    keys: set[tuple[int, str]]

    def facts(self, arrival: Arrival) -> EntryFacts | None:
        """What is known of one arrival; None when there is no such person."""
        person = self.people.get(arrival.subscriber_id)
        if person is None:
            return None
        known = (arrival.subscriber_id, arrival.entry_key) in self.keys
        return replace(person, started_at=arrival.started_at, known=known)

    def came_in(self, arrival: Arrival) -> None:
        """Note that this person is in it now."""
        person = self.people[arrival.subscriber_id]
        self.keys.add((arrival.subscriber_id, arrival.entry_key))
        self.people[arrival.subscriber_id] = replace(
            person, ever=True, open=True, entered_at=person.at, lately=person.lately + 1
        )


def read(
    automation: Automation,
    definition: Definition,
    arrivals: Sequence[Arrival],
    people: Collection[int],
    at: dt.datetime,
) -> Arrivals:
    """The facts about these arrivals as things are ``at``; a fixed number of queries."""
    here = Subscriber.objects.filter(pk__in=among(people))
    barred = Suppression.objects.in_force(at).concerning(automation.topic_id)
    follows = Subscription.objects.filter(
        subscriber=OuterRef("pk"), topic_id=automation.topic_id, state=SubscriptionState.SUBSCRIBED
    )
    rows = here.annotate(
        barred=Exists(barred.filter(address_key=OuterRef("address_key"))), follows=Exists(follows)
    ).values_list("pk", "erased_at", "barred", "follows")
    before = _before(automation, people, at)
    holding = _holding(definition, people, at)
    ordered = _ordered(definition, arrivals, people, at)
    stronger = _in_stronger(automation, definition, people)
    found = {
        pk: EntryFacts(
            at=at,
            started_at=at,
            late=entering.latest(definition.trigger),
            erased=erased_at is not None,
            suppressed=suppressed,
            follows=joined if automation.topic_id else None,
            holds=holding is None or pk in holding,
            ordered_at=ordered.get(pk),
            stronger=pk in stronger,
            most=settings.AUTOMATION_DAILY_ENTRIES,
            **before.get(pk, {}),
        )
        for pk, erased_at, suppressed, joined in rows
    }
    keys = Enrolment.objects.filter(
        automation=automation,
        subscriber__in=among(people),
        entry_key__in={arrival.entry_key for arrival in arrivals},
    )
    return Arrivals(found, set(keys.values_list("subscriber_id", "entry_key")))


def _before(automation: Automation, people: Collection[int], at: dt.datetime) -> dict[int, dict[str, Any]]:
    """What they have been through in this automation."""
    rows = Enrolment.objects.filter(automation=automation, subscriber__in=among(people)).values("subscriber_id")
    counted = rows.annotate(
        entered=Max("created_at"),
        exited=Max("ended_at"),
        mailed=Max("mailed_at"),
        still=Count("pk", filter=Q(ended_at__isnull=True)),
        recent=Count("pk", filter=Q(created_at__gt=at - DAY)),
    )
    return {
        row["subscriber_id"]: {
            "ever": True,
            "open": row["still"] > 0,
            "entered_at": row["entered"],
            "exited_at": row["exited"],
            "mailed_at": row["mailed"],
            "lately": row["recent"],
        }
        for row in counted.order_by()
    }


def _holding(definition: Definition, people: Collection[int], at: dt.datetime) -> set[int] | None:
    """Those of whom the entry's rule is true; None when there is no rule. One that names what is gone is true of nobody."""
    rule = definition.entry.rule
    if rule is None:
        return None
    try:
        asked = condition(rule=dict(rule), as_of=at)
    except RuleError as error:
        logger.warning("Nobody comes in, for the rule cannot be asked any more: %s %s", error.path, error.message)
        return set()
    return set(Subscriber.objects.filter(asked, pk__in=among(people)).values_list("pk", flat=True))


def _ordered(
    definition: Definition, arrivals: Sequence[Arrival], people: Collection[int], at: dt.datetime
) -> dict[int, dt.datetime]:
    """When they ordered last, as far back as it matters.

    An order of the future is a slip of whoever wrote it: its row says nothing yet, and its event that it was known when
    it came.
    """
    if definition.entry.no_order_since is None:
        return {}
    since = min(arrival.started_at for arrival in arrivals) - definition.entry.no_order_since.delta
    theirs = Q(subscriber__in=among(people))
    orders = Order.objects.filter(theirs, placed_at__gte=since, placed_at__lte=at + AHEAD)
    events = Event.objects.filter(theirs, name="order_placed", occurred_at__gte=since, received_at__gte=since)
    found = dict(events.values_list("subscriber_id").annotate(last=Max(Least("occurred_at", "received_at"))))
    for person, last in orders.values_list("subscriber_id").annotate(last=Max("placed_at")):
        found[person] = max(last, found.get(person, last))
    return found


def _in_stronger(automation: Automation, definition: Definition, people: Collection[int]) -> set[int]:
    """Those who are in a live automation to which this one gives way."""
    if not definition.entry.gives_way_to:
        return set()
    stronger = Enrolment.objects.filter(
        subscriber__in=among(people),
        ended_at__isnull=True,
        automation__state=AutomationState.LIVE,
        automation__recipe__in=definition.entry.gives_way_to,
    )
    return set(stronger.exclude(automation=automation).values_list("subscriber_id", flat=True))
