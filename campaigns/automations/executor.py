"""Takes people on whose time has come: in batches, each in one short transaction, through every step that does not wait.

Their rows are locked while they walk, so two processes take different people; whoever was ended meanwhile is not moved.
What each step decides is said by ``flow``; here it is carried out and written down, once a person and step.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeAlias

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import OuterRef, Subquery

from campaigns.automations import ending, facts, flow, guard
from campaigns.automations.effects import Done, carry_out
from campaigns.automations.flow import Decision
from campaigns.automations.models import Automation, AutomationVersion, Enrolment, StepVisit
from campaigns.automations.nodes import (
    BranchStep,
    Definition,
    ListStep,
    MailStep,
    NotifyStep,
    SetStep,
    SplitStep,
    Step,
    TopicStep,
    WaitForStep,
    WebhookStep,
)
from campaigns.automations.published import definition_of
from campaigns.automations.types import AutomationState, EnrolmentState, FailReason, HeldReason, Visit
from campaigns.automations.walking import Group, Met, Walker, write_rows, write_visits
from personalize.core.clock import now
from personalize.core.database import among
from segments.segmentation.rules.reading import RuleError

logger = logging.getLogger(__name__)

BATCH = 500
"""How many people one transaction takes on at most."""

LOOK_AGAIN = dt.timedelta(minutes=15)
"""How soon a rule that is waited for, or news that are late, are asked about again."""

RELEASED = "released"
"""The reason of whoever was held at a mail and may have it: somebody said so."""

After: TypeAlias = Callable[[], None]

ACTS = (MailStep, SetStep, ListStep, TopicStep, WebhookStep, NotifyStep)


def sweep_due(at: dt.datetime | None = None, limit: int = BATCH) -> bool:
    """Take on one batch of people who are due at ``at`` (now) in a live automation, oldest first; false when nobody is."""
    at = at or now()
    for automation in _with_due(at):
        with transaction.atomic():
            people = _claim(automation, at, limit)
            if people:
                _Batch(people, at).run()
                return True
    return False


def _with_due(at: dt.datetime) -> Iterator[int]:
    """The live automations in which somebody is due, that with the oldest first. One probe of an index for each."""
    due = Enrolment.objects.filter(automation=OuterRef("pk"), due_at__lte=at).order_by("due_at")
    live = Automation.objects.filter(state=AutomationState.LIVE).order_by()
    oldest = live.annotate(oldest=Subquery(due.values("due_at")[:1])).values_list("oldest", "pk")
    return (pk for _oldest, pk in sorted((oldest, pk) for oldest, pk in oldest if oldest is not None))


def _claim(automation: int, at: dt.datetime, limit: int) -> list[Enrolment]:
    """Lock up to ``limit`` people who are due and their rows as persons, past those whom another process holds.

    Whoever else changes a person and then ends their ways takes the two locks in this order too.
    """
    due = Enrolment.objects.filter(automation=automation, automation__state=AutomationState.LIVE, due_at__lte=at)
    due = due.select_related("subscriber").order_by("due_at", "pk")
    return list(due.select_for_update(skip_locked=True, no_key=True, of=("self", "subscriber"))[:limit])


class _Batch:
    """Locked people on their way, until everybody waits or has come to an end."""

    def __init__(self, rows: Sequence[Enrolment], at: dt.datetime) -> None:
        self.at = at
        self.rows = rows
        versions = AutomationVersion.objects.filter(pk__in={row.version_id for row in rows})
        self.versions = {version.pk: version for version in versions.select_related("automation")}
        self.definitions = {version.pk: _readable(version) for version in self.versions.values()}
        visits = StepVisit.objects.filter(enrolment__in=among([row.pk for row in rows]))
        self.visits = {(visit.enrolment_id, visit.step): visit for visit in visits}
        self.walking: dict[tuple[int, str], list[Walker]] = {}

    def run(self) -> None:
        for row in self.rows:
            # Who is held for fresh news came to the mail when it was due; the time of the next look says nothing.
            due_at = row.came_at if row.state == EnrolmentState.HELD else row.due_at
            self._walks(Walker(row, due_at or self.at))
        while self.walking:
            version, step = next(iter(self.walking))
            people = self.walking.pop((version, step))
            definition = self.definitions[version]
            if definition is None:
                self._fail(people, FailReason.UNREADABLE, "")
            else:
                self._safely(partial(self._meet, self.versions[version], definition, step), people)
        write_rows(self.rows)

    def _safely(self, meet: Callable[[Sequence[Walker]], Sequence[After]], people: Sequence[Walker]) -> None:
        """Let people meet their step. Those with whom it goes wrong are found by halves, and fail alone."""
        try:
            with transaction.atomic():
                after = meet(people)
        except (OperationalError, InterfaceError):
            # The database itself: nothing of the batch has happened, and the next look takes it up.
            raise
        except RuleError as error:
            self._fail(people, FailReason.RULE_GONE, str(error))
            return
        except Exception as error:
            if len(people) == 1:
                logger.exception("Enrolment %s could not be taken on at %r.", people[0].row.uuid, people[0].row.step)
                self._fail(people, FailReason.ERROR, f"{type(error).__name__}: {error}")
                return
            after = [partial(self._safely, meet, half) for half in _halves(people)]
        # Only now: what the database took back must not have happened to the rows in memory either.
        for one in after:
            one()

    def _meet(
        self, version: AutomationVersion, definition: Definition, step_id: str, people: Sequence[Walker]
    ) -> list[After]:
        """What a step does to the people at it; what follows for their rows is given back, to be done when all is well."""
        step = definition.steps[step_id]
        been = {walker.pk: visit for walker in people if (visit := self.visits.get((walker.pk, step_id)))}
        after: list[After] = [
            partial(self._goes_to, walker, _way_taken(step, been[walker.pk])) for walker in people if walker.pk in been
        ]
        group = Group(version, definition, step, [walker for walker in people if walker.pk not in been], self.at)
        if not group.people:
            return after
        if isinstance(step, ACTS):
            leaving = facts.leaving(group)
            ending.withdraw_mails(leaving)
            after += [
                partial(self._ends, walker, EnrolmentState.EXITED, leaving[walker.pk])
                for walker in group.people
                if walker.pk in leaving
            ]
            group = group.of([walker for walker in group.people if walker.pk not in leaving])
        return after + self._decide(group)

    def _decide(self, group: Group) -> list[After]:
        moments = facts.moments(group)
        decisions = {pk: flow.decide(group.step, moment) for pk, moment in moments.items()}
        held = _held(group, decisions)
        acting = [walker for walker in group.people if decisions[walker.pk].acts and walker.pk not in held]
        done = carry_out(group.of(acting)) if acting else {}
        met: list[Met] = []
        after: list[After] = []
        for walker in group.people:
            decision = decisions[walker.pk]
            if walker.pk in held:
                after.append(partial(self._holds, walker, held[walker.pk]))
            elif decision.outcome is None:
                after.append(partial(self._waits, walker, _looked_at_again(group, decision)))
            else:
                met.append(_met(walker, decision.outcome, decision, done.get(walker.pk, Done())))
                after.append(partial(self._passes, walker, decision, met[-1]))
        write_visits(group.step.id, met, self.at)
        return after

    # --- what becomes of a row, in memory until the end of the batch ---

    def _walks(self, walker: Walker) -> None:
        self.walking.setdefault((walker.row.version_id, walker.row.step), []).append(walker)

    def _goes_to(self, walker: Walker, step: str) -> None:
        if not step:
            self._ends(walker, EnrolmentState.DONE, "")
            return
        row = walker.row
        row.state, row.reason, row.step = EnrolmentState.ACTIVE, "", step
        row.came_at = row.due_at = self.at
        self._walks(walker)

    def _passes(self, walker: Walker, decision: Decision, met: Met) -> None:
        if met.message:
            walker.row.mailed_at = self.at
        if decision.due_at is not None:
            walker.due_at = decision.due_at
        if decision.leaves:
            self._ends(walker, EnrolmentState.EXITED, decision.leaves)
        else:
            self._goes_to(walker, decision.next)

    def _waits(self, walker: Walker, due_at: dt.datetime) -> None:
        walker.row.state, walker.row.reason, walker.row.due_at = EnrolmentState.WAITING, "", due_at

    def _holds(self, walker: Walker, reason: HeldReason) -> None:
        row = walker.row
        row.state, row.reason, row.came_at = EnrolmentState.HELD, reason, walker.due_at
        row.due_at = self.at + LOOK_AGAIN if reason == HeldReason.STALE else None

    def _ends(self, walker: Walker, state: EnrolmentState, reason: str) -> None:
        row = walker.row
        row.state, row.reason, row.ended_at, row.due_at = state, reason, self.at, None

    def _fail(self, people: Sequence[Walker], reason: FailReason, error: str) -> None:
        detail = {"reason": str(reason), "error": error[:200]}
        StepVisit.objects.bulk_create(
            [
                StepVisit(enrolment_id=walker.pk, step=walker.row.step, outcome=Visit.FAILED, at=self.at, detail=detail)
                for walker in people
            ],
            ignore_conflicts=True,
        )
        for walker in people:
            self._ends(walker, EnrolmentState.FAILED, reason)


def _readable(version: AutomationVersion) -> Definition | None:
    try:
        return definition_of(version)
    except ValueError:
        logger.exception("A published version cannot be read, so whoever is in it fails.")
        return None


def _halves(people: Sequence[Walker]) -> tuple[Sequence[Walker], Sequence[Walker]]:
    middle = len(people) // 2
    return people[:middle], people[middle:]


def _held(group: Group, decisions: Mapping[int, Decision]) -> dict[int, HeldReason]:
    """Who is to have a mail now and is held at it instead, by enrolment."""
    step = group.step
    if not isinstance(step, MailStep):
        return {}
    if group.definition.guarded and guard.is_stale(group.definition, group.at):
        reason = HeldReason.STALE
    elif step.mode == "review":
        reason = HeldReason.REVIEW
    else:
        return {}
    held = [walker.pk for walker in group.people if decisions[walker.pk].acts and walker.row.reason != RELEASED]
    return dict.fromkeys(held, reason)


def _looked_at_again(group: Group, decision: Decision) -> dt.datetime:
    """When somebody who stays is due; nothing but asking tells that a rule has come true."""
    due_at = decision.due_at or group.at + LOOK_AGAIN
    polls = isinstance(group.step, WaitForStep) and group.step.rule is not None
    return min(due_at, group.at + LOOK_AGAIN) if polls else due_at


def _met(walker: Walker, outcome: Visit, decision: Decision, done: Done) -> Met:
    if done.failed:
        return Met(walker.pk, Visit.FAILED.value, {"reason": done.failed[:200]})
    if done.skip:
        return Met(walker.pk, Visit.SKIPPED.value, {"reason": done.skip.value})
    return Met(walker.pk, outcome.value, decision.detail, done.message)


def _way_taken(step: Step, visit: StepVisit) -> str:
    """Where somebody went who has met the step before: it does not happen to them again, and they go the same way."""
    match step:
        case BranchStep() if visit.outcome == Visit.NO:
            return step.no
        case WaitForStep() if visit.outcome == Visit.TIMED_OUT:
            return step.late
        case SplitStep() if "way" in visit.detail:
            return step.ways[int(visit.detail["way"]) - 1].next
    return step.next
