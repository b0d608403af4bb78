"""Putting people elsewhere on their way: one to another step, or all of a version to another by a map of its steps."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from django.db import transaction
from django.db.models import Count, QuerySet

from campaigns.automations.models import Automation, AutomationVersion, Enrolment
from campaigns.automations.nodes import Definition
from campaigns.automations.published import definition_of
from campaigns.automations.types import EnrolmentState
from personalize.core import audit
from personalize.core.clock import now
from personalize.core.queue import enqueue

StepMap: TypeAlias = Mapping[str, str | None]
"""The step of the new version for steps of the old; None keeps people on the old one. Others go to the step of their id."""


@dataclass(frozen=True)
class Moved:
    """How many people who are at ``step`` of the old version go to ``to`` of the new one; None: they stay on the old one.

    ``waits_on`` says that they keep the time they have waited.
    """

    step: str
    to: str | None
    people: int
    waits_on: bool


def move_enrolment(*, enrolment: Enrolment, step: str, actor: Any) -> bool:
    """Put somebody to another step of their version, now; false when their way has ended.

    What they met before does not happen to them again: they pass it. Raises ValueError for a step there is not.
    """
    if step not in definition_of(enrolment.version).steps:
        raise ValueError(f"Version {enrolment.version} has no step {step!r}.")
    at = now()
    with transaction.atomic():
        open_ = Enrolment.objects.filter(pk=enrolment.pk, version=enrolment.version_id, ended_at__isnull=True)
        won = open_.update(state=EnrolmentState.ACTIVE, reason="", step=step, came_at=at, due_at=at)
        if won:
            audit.record(
                actor=actor,
                action="automation.run",
                target=enrolment.automation,
                moved=str(enrolment.uuid),
                to=step,
            )
            enqueue("automations.look")
            enrolment.refresh_from_db()
    return bool(won)


def move_enrolments(*, enrolments: QuerySet[Enrolment], step: str, actor: Any) -> int:
    """Put people to this step, one by one; gives how many. Who is in a version without it stays where they are."""
    able = [row for row in enrolments.select_related("version") if step in definition_of(row.version).steps]
    return sum(move_enrolment(enrolment=row, step=step, actor=actor) for row in able)


def preview_migration(*, old: AutomationVersion, new: AutomationVersion, step_map: StepMap) -> list[Moved]:
    """Who would go where, by the steps at which somebody is. A step that the map does not name goes to that of its id."""
    people = dict(_at(old).values_list("step").annotate(people=Count("pk")).order_by("step"))
    plan = _plan(definition_of(old), definition_of(new), step_map)
    return [
        Moved(
            step, plan.get(step), count, step in plan and _waits_on(definition_of(old), definition_of(new), step, plan)
        )
        for step, count in people.items()
    ]


def migrate(
    *,
    automation: Automation,
    old: AutomationVersion,
    new: AutomationVersion,
    step_map: StepMap,
    actor: Any,
    at: dt.datetime | None = None,
) -> int:
    """Move everybody who is in ``old`` to ``new``, as ``preview_migration`` says; gives how many.

    Who waits at a step that is of one kind in both goes on waiting, by the new one's length, from when they came to it. What
    somebody has met does not happen to them again where the steps have one id. Raises ValueError for versions of different
    automations, and for a map to steps there are not.
    """
    if {old.automation_id, new.automation_id} != {automation.pk}:
        raise ValueError("Both versions must be of the automation.")
    at = at or now()
    before, after = definition_of(old), definition_of(new)
    plan = _plan(before, after, step_map)
    moved = 0
    with transaction.atomic():
        for step, to in plan.items():
            changes: dict[str, Any] = {} if _waits_on(before, after, step, plan) else {"came_at": at}
            moved += (
                _at(old)
                .filter(step=step)
                .update(version=new, step=to, state=EnrolmentState.ACTIVE, reason="", due_at=at, **changes)
            )
        if moved:
            audit.record(
                actor=actor, action="automation.run", target=automation, moved=moved, old=old.number, new=new.number
            )
            enqueue("automations.look")
    return moved


def _at(version: AutomationVersion) -> QuerySet[Enrolment]:
    return Enrolment.objects.filter(version=version, ended_at__isnull=True)


def _plan(old: Definition, new: Definition, step_map: StepMap) -> dict[str, str]:
    if missing := {to for to in step_map.values() if to is not None and to not in new.steps}:
        raise ValueError(f"The new version has no step {sorted(missing)}.")
    same = {step: step for step in old.steps if step in new.steps}
    return {step: to for step, to in {**same, **step_map}.items() if step in old.steps and to is not None}


def _waits_on(old: Definition, new: Definition, step: str, plan: Mapping[str, str]) -> bool:
    return type(old.steps[step]) is type(new.steps[plan[step]])
