"""Whether news from the shop are late, so that a reminder might go to somebody who has ordered since.

Two signs, both learnt from the shop's own last weeks: it has been silent for so long that silence is no longer believable,
or what comes now comes long after it happened. A shop that has too little trade to tell is not accused of anything.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.core.cache import cache
from django.db.models import Count, Exists, OuterRef, Subquery
from django.db.models.functions import TruncHour

from campaigns.automations.models import Automation, StepVisit
from campaigns.automations.nodes import Definition, EventExit
from campaigns.delivery.models import Message
from campaigns.delivery.types import MessageState
from segments.events.models import Event

WEEKS = 4
HOURS_A_WEEK = 24 * 7
EXPECTED = 7.0
"""Events that should have come during a silence before it is held against the feed: by chance that is one time in a thousand
(the chance of none where seven are expected, by Poisson)."""

LATEST = 20
LAG = dt.timedelta(minutes=30)
"""Half of the latest events may not be later than this."""

FRESH_LAG = dt.timedelta(hours=6)
LONGEST_WAY = dt.timedelta(days=7)
"""How long a mail may wait for its window, its place under a limit and its server."""

LEARNT_SECONDS = 3600
ASKED_SECONDS = 30


@dataclass(frozen=True)
class Feed:
    """How the news of some events come: how many were expected since the last one, and how late half of the latest were."""

    last: dt.datetime | None
    expected: float
    lag: dt.timedelta

    @property
    def is_silent(self) -> bool:
        return self.expected >= EXPECTED

    @property
    def is_late(self) -> bool:
        return self.lag > LAG

    @property
    def is_stale(self) -> bool:
        return self.is_silent or self.is_late


def is_stale(definition: Definition, at: dt.datetime) -> bool:
    """Whether mails of a guarded automation are to be held now; asked of the database twice a minute at most."""
    names = exit_names(definition)
    if not definition.guarded or not names:
        return False
    key = f"automations:stale:{':'.join(sorted(names))}"
    known: bool | None = cache.get(key)
    if known is None:
        known = feed(names, at).is_stale
        cache.set(key, known, ASKED_SECONDS)
    return known


def exit_names(definition: Definition) -> frozenset[str]:
    """The events whose news end it."""
    return frozenset(
        name
        for exit in definition.exits
        if isinstance(exit, EventExit) and exit.about == "any"
        for name in exit.match.names
    )


def feed(names: Iterable[str], at: dt.datetime) -> Feed:
    """How the news of these events stand at ``at``."""
    names = sorted(names)
    fresh = Event.objects.filter(name__in=names, historic=False, received_at__lte=at)
    latest = list(fresh.order_by("-id").values_list("received_at", "occurred_at")[:LATEST])
    if not latest:
        return Feed(None, 0.0, dt.timedelta())
    last = max(received for received, _occurred in latest)
    recent = sorted(received - occurred for received, occurred in latest if received > at - FRESH_LAG)
    lag = recent[len(recent) // 2] if len(recent) >= LATEST // 2 else dt.timedelta()
    return Feed(last, _expected(_rates(names, at), last, at), lag)


def _rates(names: list[str], at: dt.datetime) -> dict[int, float]:
    """Events an hour, by hour of the week (UTC), over the last weeks; learnt once an hour."""
    key = f"automations:rates:{':'.join(names)}"
    rates: dict[int, float] | None = cache.get(key)
    if rates is None:
        end = at.replace(minute=0, second=0, microsecond=0)
        begin = end - dt.timedelta(weeks=WEEKS)
        rows = (
            Event.objects.filter(name__in=names, historic=False, received_at__gte=begin, received_at__lt=end)
            .annotate(hour=TruncHour("received_at", tzinfo=dt.UTC))
            .order_by()
            .values_list("hour")
            .annotate(n=Count("pk"))
        )
        counts: dict[int, int] = defaultdict(int)
        first = end
        for hour, number in rows.values_list("hour", "n"):
            counts[_hour_of_week(hour)] += number
            first = min(first, hour)
        # A shop that is new has fewer weeks to tell of; less than one tells nothing.
        weeks = (end - first) / dt.timedelta(weeks=1)
        rates = {hour: number / max(weeks, 1.0) for hour, number in counts.items()} if weeks >= 1 else {}
        cache.set(key, rates, LEARNT_SECONDS)
    return rates


def _expected(rates: dict[int, float], since: dt.datetime, until: dt.datetime) -> float:
    """How many events are usual between the two; beyond a week of silence nothing more is added."""
    total = 0.0
    moment = max(since, until - dt.timedelta(weeks=1))
    while moment < until:
        end = min(until, moment.replace(minute=0, second=0, microsecond=0) + dt.timedelta(hours=1))
        total += rates.get(_hour_of_week(moment), 0.0) * ((end - moment) / dt.timedelta(hours=1))
        moment = end
    return total


def _hour_of_week(moment: dt.datetime) -> int:
    moment = moment.astimezone(dt.UTC)
    return moment.weekday() * 24 + moment.hour


@dataclass(frozen=True)
class FalsePositives:
    """Of ``sent`` mails, those that went to people who had ordered before, as was heard too late."""

    number: int
    sent: int


def ending_names(automation: Automation) -> frozenset[str]:
    """The events that end it in any of its versions, whatever they are about."""
    return frozenset(
        name
        for version in automation.versions.all()
        for exit in version.definition.get("exits", [])
        if "event" in exit and exit.get("about", "any") == "any"
        for name in ([exit["event"]] if isinstance(exit["event"], str) else exit["event"])
    )


def false_positives(*, automation: Automation, since: dt.datetime) -> FalsePositives:
    """How often a mail of the automation went out after an event that should have stopped it, because its news came later."""
    # A mail is written days before it leaves at most, which spares the ledger the older ones.
    written = StepVisit.objects.filter(
        enrolment__automation=automation, message__isnull=False, at__gte=since - LONGEST_WAY
    )
    sent = written.annotate(
        handed_at=Subquery(
            Message.objects.filter(uuid=OuterRef("message"), state=MessageState.SENT).values("handed_at")[:1]
        )
    )
    sent = sent.filter(handed_at__gte=since)
    too_late = Event.objects.filter(
        subscriber=OuterRef("enrolment__subscriber"),
        name__in=ending_names(automation),
        historic=False,
        occurred_at__gte=OuterRef("enrolment__started_at"),
        occurred_at__lt=OuterRef("handed_at"),
        received_at__gt=OuterRef("handed_at"),
    )
    return FalsePositives(sent.filter(Exists(too_late)).count(), sent.count())
