"""What an automation would have done in a span of time: stored events and dates, replayed by a virtual clock in memory.

Nothing is written. Whom a rule means, who comes in, what happens at a step and when: all of that is decided by what the
real engine asks, so a simulation is as right as the engine is.
"""

from __future__ import annotations

import datetime as dt
import heapq
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TypeAlias

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from campaigns.automations import dates, entering, matching
from campaigns.automations.matching import EventFacts
from campaigns.automations.models import Automation
from campaigns.automations.nodes import (
    CallTrigger,
    Definition,
    EventExit,
    EventTrigger,
    ListStep,
    MailStep,
    SetStep,
    TopicStep,
    WaitForStep,
)
from campaigns.automations.replay import history
from campaigns.automations.replay.asking import Asker
from campaigns.automations.replay.life import HEARD, NAMED, Asking, Life, World
from campaigns.automations.replay.report import Report, Tally
from campaigns.automations.types import Arrival
from campaigns.delivery.models import FrequencyRule
from personalize.core.database import is_postgres
from personalize.core.localtime import ONE_DAY, zone
from segments.events.models import Event
from segments.subscribers.models import Subscriber
from segments.subscribers.querysets import SubscriberQuerySet

TICK = dt.timedelta(minutes=15)
"""People whose questions fall into the same quarter of an hour are asked about together."""

EPOCH = dt.datetime(2000, 1, 3, tzinfo=dt.UTC)

Progress: TypeAlias = Callable[[float, int], None]
"""Told the share of the time that is through (0 to 1), and how many events were read."""

Item: TypeAlias = tuple[dt.datetime, int, EventFacts | Arrival]


def simulate(
    *,
    definition: Definition,
    automation: Automation,
    since: dt.datetime,
    until: dt.datetime,
    people: SubscriberQuerySet | None = None,
    follow: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """What ``definition`` would have done from ``since`` up to ``until``, had it been live and had nobody been in it before.

    ``automation`` says whose topic, limits and strength count. ``people`` narrows whom it is for; the way of the person
    ``follow`` is told step by step. Raises RuleError when a rule names what is not there any more.
    """
    with _reading_only():
        return _Replay(definition, automation, since, until, people, follow).run(progress or _nobody)


def _nobody(share: float, events: int) -> None:
    """Progress that nobody is told."""


@contextmanager
def _reading_only() -> Iterator[None]:
    """Let the database refuse every write. SQLite is given no transaction, which would keep all writers waiting."""
    if is_postgres():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
            yield
        return
    connection.ensure_connection()
    # Past Django's cursors, which do nothing more within a transaction that has failed.
    connection.connection.execute("PRAGMA query_only = ON")
    try:
        yield
    finally:
        connection.connection.execute("PRAGMA query_only = OFF")


class _Replay:
    """One simulation."""

    def __init__(
        self,
        definition: Definition,
        automation: Automation,
        since: dt.datetime,
        until: dt.datetime,
        people: SubscriberQuerySet | None,
        follow: int | None,
    ) -> None:
        self.definition, self.automation = definition, automation
        self.since, self.until, self.people = since, until, people
        self.elsewhere = dates.brand_zone()
        self.tally = Tally(zone(self.elsewhere), follow)
        self.world = World(
            definition=definition,
            automation=automation.uuid,
            topic=automation.topic_id,
            priority=automation.priority,
            brand_zone=zone(self.elsewhere),
            rules=list(
                FrequencyRule.objects.filter(
                    Q(topic=None) | Q(topic=automation.topic_id), Q(owner=None) | Q(owner=automation.uuid), enabled=True
                )
            ),
            daily_cap=settings.DELIVERY_DAILY_CAP,
            daily_entries=settings.AUTOMATION_DAILY_ENTRIES,
            remembered=_remembered(definition),
            reaches_back=max(
                (exit.back.delta for exit in definition.exits if isinstance(exit, EventExit)), default=dt.timedelta()
            ),
            next_mail={step: _next_mail(definition, step) for step in definition.steps},
            tally=self.tally,
        )
        self.keeps = self.world.reaches_back + (entering.latest(definition.trigger) or dt.timedelta())
        """So long before they come in, what people do may still be a reason to go."""
        self.asker = Asker()
        self.heard: dict[int, list[EventFacts]] = {}
        self.lives: dict[int, Life] = {}
        self.calls: list[tuple[dt.datetime, int]] = []

    def run(self, progress: Progress) -> Report:
        items = iter(self._items())
        while chunk := list(islice(items, history.CHUNK)):
            self._meet_newcomers(chunk)
            for at, kind, thing in chunk:
                self._plan(at, kind, thing)
            reached = chunk[-1][0]
            self._live_until(_tick(reached))
            progress(min(1.0, max(0.0, (reached - self.since) / (self.until - self.since))), self.tally.events)
        self._live_until(self.until)
        progress(1.0, self.tally.events)
        near, others = history.near_others(self.tally.mails, self.automation.uuid, self.since, self.until)
        return self.tally.report(self.definition, self.since, self.until, near=near, others=others, notes=self._notes())

    # --- what happened ---

    def _items(self) -> Iterator[Item]:
        """Events and arrivals in the order in which they came."""
        names = self.definition.event_names()
        begin = self.since - self.keeps if self.world.remembered else self.since
        heard = ((at, HEARD, event) for at, event in history.events(names, begin, self.until, self.people))
        people = Subscriber.objects.present() if self.people is None else self.people
        named = (
            (at, NAMED, arrival)
            for at, arrival in history.arrivals(self.automation, self.definition, self.since, self.until, people)
        )
        return heapq.merge(heard, named, key=lambda item: item[:2])

    def _meet_newcomers(self, chunk: list[Item]) -> None:
        new = {thing.subscriber_id for at, _kind, thing in chunk if self._brings(at, thing)} - self.lives.keys()
        if new:
            for pk, person in history.read_people(
                new, self.automation, self.definition, self.since, self.until, self.elsewhere
            ).items():
                self.lives[pk] = Life(self.world, person, self.heard.setdefault(pk, []))

    def _brings(self, at: dt.datetime, thing: EventFacts | Arrival) -> bool:
        if isinstance(thing, Arrival):
            return True
        trigger = self.definition.trigger
        return at >= self.since and isinstance(trigger, EventTrigger) and matching.matches(trigger.match, thing)

    def _plan(self, at: dt.datetime, kind: int, thing: EventFacts | Arrival) -> None:
        """Put it on its person's agenda; what means nothing to anybody is only remembered, where it may come to mean something."""
        life = self.lives.get(thing.subscriber_id)
        if isinstance(thing, EventFacts):
            self.tally.events += 1
            idle = life is None or not (life.open or life.agenda)
            if at < self.since or (idle and not self._brings(at, thing)):
                if thing.name in self.world.remembered:
                    self._remember(thing)
                return
        if life is not None:
            life.plan(at, kind, thing)
            self._call(life)

    def _remember(self, event: EventFacts) -> None:
        kept = self.heard.setdefault(event.subscriber_id, [])
        while kept and kept[0].received_at < event.received_at - self.keeps - ONE_DAY:
            kept.pop(0)
        kept.append(event)

    # --- the clock ---

    def _call(self, life: Life) -> None:
        """Have the person called when the next thing on their agenda comes."""
        if life.agenda and (life.called_at is None or life.agenda[0][0] < life.called_at):
            life.called_at = life.agenda[0][0]
            heapq.heappush(self.calls, (life.called_at, life.person.pk))

    def _live_until(self, until: dt.datetime) -> None:
        while self.calls and self.calls[0][0] < until:
            start = _tick(self.calls[0][0])
            end = min(start + TICK, until)
            called: dict[int, Life] = {}
            while self.calls and self.calls[0][0] < end:
                at, pk = heapq.heappop(self.calls)
                life = self.lives[pk]
                if life.called_at == at:
                    called[pk] = life
            for life in called.values():
                life.called_at = None
            self._side_by_side([life.live(end) for life in called.values()], start, end)
            for life in called.values():
                self._call(life)

    def _side_by_side(self, lives: list[Asking], start: dt.datetime, end: dt.datetime) -> None:
        """Let people live side by side, and ask their questions together."""
        waiting = [(life, question) for life in lives if (question := next(life, None))]
        while waiting:
            answers = self.asker.answers([question for _life, question in waiting], start, end)
            still = []
            for (life, _question), answer in zip(waiting, answers, strict=True):
                try:
                    still.append((life, life.send(answer)))
                except StopIteration:
                    continue
            waiting = still

    def _notes(self) -> list[str]:
        """What the figures cannot know, of what this automation is made of."""
        definition = self.definition
        steps = definition.steps.values()
        notes = [
            _("Nobody is in it at the beginning, and whatever it really did in that time is left aside."),
            _(
                "Consent, blocked addresses, attributes, lists and stock are as they are now; orders and events as they were."
            ),
        ]
        if Event.objects.filter(historic=True, name__in=sorted(definition.event_names())).exists():
            notes.append(_("What was imported as history is taken to have been heard when it happened."))
        if any(isinstance(step, MailStep) for step in steps):
            notes.append(
                _("Carts and orders are judged as they stood in the event; what was sold out since is not known.")
            )
        if any(mail.mode == "review" for mail in definition.mails()):
            notes.append(_("Mails that wait for somebody's look are taken to be released at once."))
        if definition.guarded:
            notes.append(_("Nothing is held because news from the shop were late."))
        if any(isinstance(step, SetStep | ListStep | TopicStep) for step in steps):
            notes.append(
                _("Attributes, lists and topics that a step changes stay as they are, so later rules do not see them.")
            )
        if isinstance(definition.trigger, CallTrigger):
            notes.append(_("Those come in who were really put in by hand or by the API in that time."))
        if self.automation.topic_id is None and any(definition.mails()):
            notes.append(_("It has no topic yet, so everybody is taken to follow it."))
        notes.append(_("Limits count the mails of this automation alone."))
        return notes


def _tick(at: dt.datetime) -> dt.datetime:
    """The beginning of the quarter of an hour that an instant lies in."""
    return at - (at - EPOCH) % TICK


def _remembered(definition: Definition) -> frozenset[str]:
    """Events that may end a way that begins only later, or that somebody may wait for."""
    matches = [exit.match for exit in definition.exits if isinstance(exit, EventExit)]
    matches += [step.match for step in definition.steps.values() if isinstance(step, WaitForStep) and step.match]
    return frozenset().union(*(match.names for match in matches))


def _next_mail(definition: Definition, step: str) -> str:
    """The mail that is nearest to a step, itself included."""
    near = deque([step])
    while near:
        found = definition.steps.get(near.popleft())
        if isinstance(found, MailStep):
            return found.id
        if found is not None:
            near.extend(found.outlets().values())
    return ""
