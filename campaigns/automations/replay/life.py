"""One person's way through an automation, lived again in memory by a clock of its own.

Everything that happens to them waits in an agenda. What it means is decided by the functions that the real engine asks;
what only the database knows is yielded as a question, so that many people's questions are asked at once.
"""

from __future__ import annotations

import datetime as dt
import heapq
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, cast
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from campaigns.automations import entering, flow, hearing, matching
from campaigns.automations.entering import EntryFacts
from campaigns.automations.executor import ACTS, LOOK_AGAIN
from campaigns.automations.flow import Moment
from campaigns.automations.matching import EventFacts
from campaigns.automations.nodes import (
    BranchStep,
    Definition,
    EventTrigger,
    MailStep,
    RuleExit,
    SplitStep,
    Step,
    WaitDateStep,
    WaitForStep,
)
from campaigns.automations.replay.asking import Question
from campaigns.automations.replay.history import Person
from campaigns.automations.replay.report import Tally
from campaigns.automations.timing import Clock, meant
from campaigns.automations.types import Arrival, EnrolmentState, ExitReason, LeftOutReason, StepSkip, Visit
from campaigns.delivery.limits import Mail, Neighbours, judge
from campaigns.delivery.models import FrequencyRule
from campaigns.delivery.types import SkipReason
from personalize.core.localtime import ONE_DAY
from segments.segmentation.rules.reading import MONEY

WEEK = 7 * ONE_DAY
HEARD, NAMED, STRONGER, DUE, LEAVES = range(5)
"""What an agenda holds, in the order in which it is done at the same instant: the order of a real look."""

Asking: TypeAlias = Generator[Question, bool, None]
Verdict: TypeAlias = Generator[Question, bool, Any]


@dataclass(frozen=True)
class World:
    """What is the same for everybody. ``next_mail`` names the mail that comes next from a step on, "" where none does.
    What people did ``reaches_back`` before what brought them in may still be a reason to go."""

    definition: Definition
    automation: UUID
    topic: int | None
    priority: int
    brand_zone: ZoneInfo
    rules: Sequence[FrequencyRule]
    daily_cap: int
    daily_entries: int
    remembered: frozenset[str]
    reaches_back: dt.timedelta
    next_mail: Mapping[str, str]
    tally: Tally


@dataclass(eq=False)
class Way:
    """A simulated enrolment: its fields mean what they mean there. ``number`` tells which came first."""

    number: int
    uuid: UUID
    entry_key: str
    step: str
    due_at: dt.datetime | None
    came_at: dt.datetime
    started_at: dt.datetime
    activity_at: dt.datetime
    context: Any
    event: UUID | None
    state: str = EnrolmentState.ACTIVE
    mailed_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    withdrawn: bool = False


@dataclass(eq=False)
class Letter:
    """A mail that was written and has not left yet."""

    way: Way
    step: MailStep
    written_at: dt.datetime
    expires_at: dt.datetime


@dataclass
class Past:
    """What the person has been through in this automation, and which mails they got."""

    keys: set[str] = field(default_factory=set)
    entered: list[dt.datetime] = field(default_factory=list)
    exited_at: dt.datetime | None = None
    mailed_at: dt.datetime | None = None
    got: list[Mail] = field(default_factory=list)


class Life:
    """One person. ``heard`` is what they did lately that may end a way, or that one may wait for."""

    def __init__(self, world: World, person: Person, heard: list[EventFacts]) -> None:
        self.world, self.person, self.heard = world, person, heard
        self.agenda: list[tuple[dt.datetime, int, int, Any]] = []
        self.open: list[Way] = []
        self.past = Past()
        self.called_at: dt.datetime | None = None
        self._planned = 0
        for begun, _ended in person.stronger:
            self.plan(begun, STRONGER, None)

    def plan(self, at: dt.datetime, kind: int, thing: Any) -> None:
        """Put something on the agenda."""
        self._planned += 1
        heapq.heappush(self.agenda, (at, kind, self._planned, thing))

    def live(self, until: dt.datetime) -> Asking:
        """Do what is on the agenda before ``until``."""
        while self.agenda and self.agenda[0][0] < until:
            at, kind, _number, thing = heapq.heappop(self.agenda)
            if kind == HEARD:
                yield from self._hears(thing, at)
            elif kind == NAMED:
                yield from self._arrives(thing, at)
            elif kind == STRONGER:
                for way in list(self.open):
                    self._leaves(way, at, ExitReason.GAVE_WAY)
            elif kind == DUE:
                yield from self._is_due(thing, at)
            else:
                self._sends(thing, at)

    # --- in and out ---

    def _hears(self, event: EventFacts, at: dt.datetime) -> Asking:
        definition = self.world.definition
        trigger = definition.trigger
        if isinstance(trigger, EventTrigger) and matching.matches(trigger.match, event):
            yield from self._arrives(matching.arrival(definition, event), at)
        if event.name in self.world.remembered:
            self.heard.append(event)
        for way in list(self.open):
            due_at = way.due_at
            if reason := hearing.reason_to_go(definition, event, way):
                self._tell(at, "heard", way.step, event.name)
                self._leaves(way, at, reason)
            elif hearing.changes(definition, event, way, at):
                self._tell(at, "heard", way.step, event.name)
                if way.due_at != due_at:
                    self._wait(way, at)

    def _arrives(self, arrival: Arrival, at: dt.datetime) -> Asking:
        entry = self.world.definition.entry
        facts = self._facts(arrival, at)
        reason = entering.decide(entry, facts)
        # The rule is only asked where nothing that is said before it keeps them out.
        if entry.rule is not None and entering.decide(entry, replace(facts, holds=False)) == LeftOutReason.RULE:
            holds = yield Question(entry.rule, at, self.person.pk, None)
            reason = entering.decide(entry, replace(facts, holds=holds))
        filed = matching.filed_under(entry.again, arrival)
        if reason is None:
            self._enters(arrival, filed, at)
        elif reason not in (LeftOutReason.KNOWN, LeftOutReason.ERASED):
            self.world.tally.staying_out(self.person.pk, filed, at, str(reason))

    def _facts(self, arrival: Arrival, at: dt.datetime) -> EntryFacts:
        past, person = self.past, self.person
        return EntryFacts(
            at=at,
            started_at=arrival.started_at,
            late=entering.latest(self.world.definition.trigger),
            erased=person.erased,
            suppressed=person.suppressed,
            follows=person.follows,
            known=arrival.entry_key in past.keys,
            ever=bool(past.keys),
            open=bool(self.open),
            entered_at=past.entered[-1] if past.entered else None,
            exited_at=past.exited_at,
            mailed_at=past.mailed_at,
            ordered_at=max((order.at for order in person.orders if order.heard <= at), default=None),
            stronger=any(begun <= at and (ended is None or at < ended) for begun, ended in person.stronger),
            lately=sum(entered > at - ONE_DAY for entered in past.entered),
            most=self.world.daily_entries,
        )

    def _enters(self, arrival: Arrival, filed: str, at: dt.datetime) -> None:
        definition = self.world.definition
        way = Way(
            number=len(self.past.entered),
            uuid=uuid5(self.world.automation, f"{self.person.pk}:{arrival.entry_key}"),
            entry_key=arrival.entry_key,
            step=definition.first,
            due_at=at,
            # As in the real thing: whoever comes by an event is where they would be had it been heard at once.
            came_at=arrival.started_at if arrival.event else at,
            started_at=arrival.started_at,
            activity_at=arrival.started_at,
            context=dict(arrival.context),
            event=arrival.event,
        )
        self.open.append(way)
        self.past.keys.add(arrival.entry_key)
        self.past.entered.append(at)
        self.world.tally.entering(self.person.pk, filed, at, way.step)
        self._wait(way, at)

    def _leaves(self, way: Way, at: dt.datetime, reason: str) -> None:
        """Out before the end, with the mails that have not left yet."""
        way.withdrawn = True
        self._ends(way, EnrolmentState.EXITED, at, str(reason))

    def _ends(self, way: Way, state: str, at: dt.datetime, reason: str = "") -> None:
        way.state, way.ended_at, way.due_at = state, at, None
        self.open.remove(way)
        self.past.exited_at = at
        mail = self.world.next_mail.get(way.step, "")
        if way.withdrawn and mail and self._ordered_since(way, at):
            self.world.tally.ordering_first(mail)
        self.world.tally.ending(self.person.pk, at, way.step, reason)

    def _ordered_since(self, way: Way, at: dt.datetime) -> bool:
        return any(way.started_at < order.at <= at for order in self.person.orders)

    # --- through the steps ---

    def _wait(self, way: Way, at: dt.datetime) -> None:
        if way.due_at is not None:
            self.plan(max(way.due_at, at), DUE, way)

    def _is_due(self, way: Way, at: dt.datetime) -> Asking:
        if way.due_at is None or way.due_at > at:
            # Put off, or at the end, since this was planned.
            return
        due_at, definition = way.due_at, self.world.definition
        while True:
            step = definition.steps[way.step]
            if isinstance(step, ACTS) and (reason := (yield from self._reason_to_leave(way, step, at))):
                self._leaves(way, at, reason)
                return
            moment = yield from self._moment(way, step, at, due_at)
            decision = flow.decide(step, moment)
            if decision.outcome is None:
                way.state, way.due_at = EnrolmentState.WAITING, decision.due_at or at + LOOK_AGAIN
                if isinstance(step, WaitForStep) and step.rule is not None:
                    # Nothing but asking tells that a rule has come true.
                    way.due_at = min(way.due_at, at + LOOK_AGAIN)
                self._wait(way, at)
                return
            self.world.tally.visiting(self.person.pk, at, step.id, str(decision.outcome), decision.detail)
            if decision.outcome == Visit.MAILED:
                mail = cast(MailStep, step)
                self.plan(at, LEAVES, Letter(way, mail, at, due_at + mail.late.delta))
                way.mailed_at = self.past.mailed_at = at
            due_at = decision.due_at or due_at
            if decision.leaves:
                self._ends(way, EnrolmentState.EXITED, at, decision.leaves)
                return
            if not decision.next:
                self._ends(way, EnrolmentState.DONE, at)
                return
            way.state, way.step, way.came_at, way.due_at = EnrolmentState.ACTIVE, decision.next, at, at

    def _reason_to_leave(self, way: Way, step: Step, at: dt.datetime) -> Verdict:
        definition = self.world.definition
        # As far back as the real thing reads what is stored.
        since = way.started_at - self.world.reaches_back
        lately = [event for event in self.heard if max(event.occurred_at, event.received_at) >= since]
        for exit in definition.exits:
            if isinstance(exit, RuleExit):
                if (yield Question(exit.rule, at, self.person.pk, way.context, way.started_at)):
                    return exit.reason
            elif any(matching.ends(exit, event, way) for event in lately):
                return exit.reason
        if isinstance(step, MailStep) and definition.one_at_a_time and self._is_superseded(way, at):
            return ExitReason.SUPERSEDED
        return ""

    def _is_superseded(self, way: Way, at: dt.datetime) -> bool:
        """Whether another way was touched later and is not mailed: before now, for now they all go on together."""
        return any(
            (other.mailed_at is None or other.mailed_at >= at)
            and (other.activity_at, other.number) > (way.activity_at, way.number)
            for other in self.open
        )

    def _moment(self, way: Way, step: Step, at: dt.datetime, due_at: dt.datetime) -> Verdict:
        rule = step.rule if isinstance(step, BranchStep | WaitForStep) else None
        holds = (yield Question(rule, at, self.person.pk, way.context, way.started_at)) if rule is not None else False
        happened = isinstance(step, WaitForStep) and any(matching.happened(step, event, way) for event in self.heard)
        date = None
        if isinstance(step, WaitDateStep):
            known = self.person.dates.get(step.field)
            date = meant(self.world.definition.trigger, step.field, known, way.context)
        return Moment(
            now=at,
            clock=Clock(way.came_at, way.started_at, way.activity_at, self.person.zone),
            due_at=due_at,
            holds=holds,
            happened=happened,
            skip=_skip(step, way),
            date=date,
            chance=flow.chance(way.uuid, step.id) if isinstance(step, SplitStep) else 0,
        )

    # --- the mails ---

    def _sends(self, letter: Letter, at: dt.datetime) -> None:
        """The hand-over: when the window is open, as often as limits let it."""
        way, step, world = letter.way, letter.step, self.world
        if way.withdrawn:
            self._holds_back(letter, at, SkipReason.LEFT)
            return
        clock = self.person.zone
        opens = at
        if step.window is not None:
            opens = step.window.opens(at, clock if step.window.zone == "person" else world.brand_zone)
            if opens > at and step.window.otherwise == "skip":
                self._holds_back(letter, at, SkipReason.WINDOW)
                return
        if opens >= letter.expires_at:
            self._holds_back(letter, at, SkipReason.TOO_LATE)
            return
        if opens > at:
            self._tell(at, "waits", step.id, "window", {"until": opens})
            self.plan(opens, LEAVES, letter)
            return
        mail = Mail(at, uuid5(world.automation, step.id), world.topic, world.automation, world.priority)
        if reason := self._had_theirs(at):
            self._holds_back(letter, at, reason)
            return
        verdict = judge(
            mail,
            rules=world.rules,
            neighbours=Neighbours(self.past.got),
            clock=clock,
            written_at=letter.written_at,
            expires_at=letter.expires_at,
        )
        if verdict.until is not None:
            self._tell(at, "waits", step.id, "capped", {"until": verdict.until})
            self.plan(verdict.until, LEAVES, letter)
        elif verdict.goes:
            self.past.got.append(mail)
            if self._ordered_since(way, at):
                world.tally.ordering_first(step.id)
            world.tally.mailing(self.person.pk, at, step.id, clock)
        else:
            self._holds_back(letter, at, SkipReason.CAPPED)

    def _had_theirs(self, at: dt.datetime) -> SkipReason | None:
        """The daily limit, by the brand's calendar, and the wish for one mail a week."""
        today = at.astimezone(self.world.brand_zone).date()
        days = [(today - mail.at.astimezone(self.world.brand_zone).date()).days for mail in self.past.got]
        if self.person.weekly and any(day < WEEK.days for day in days):
            return SkipReason.RHYTHM
        if self.world.daily_cap and days.count(0) >= self.world.daily_cap:
            return SkipReason.CAPPED
        return None

    def _holds_back(self, letter: Letter, at: dt.datetime, reason: SkipReason) -> None:
        self.world.tally.holding_back(self.person.pk, at, letter.step.id, str(reason))

    def _tell(self, at: dt.datetime, kind: str, step: str, what: str, detail: Mapping[str, Any] | None = None) -> None:
        self.world.tally.tell(self.person.pk, at, kind, step, what, detail)


def _skip(step: Step, way: Way) -> StepSkip | None:
    """Whether a mail is worth too little; by what stood in the event, for carts are not kept as they were."""
    if not isinstance(step, MailStep) or step.minimum is None:
        return None
    total = way.context.get("total")
    return None if isinstance(total, int) and total >= step.minimum * MONEY else StepSkip.BELOW_MINIMUM
