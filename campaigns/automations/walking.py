"""People on their way through one batch: who is at a step together, and what is written of them, a statement for all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from campaigns.automations.models import AutomationVersion, Enrolment, StepVisit
from campaigns.automations.nodes import Definition, Step
from personalize.core.copy import insert_rows, stored_moment, stored_uuid
from personalize.core.database import is_postgres, json_parameter


@dataclass(eq=False)
class Walker:
    """One person. ``row`` becomes what is written at the end; ``due_at`` is when they were to meet their step."""

    row: Enrolment
    due_at: dt.datetime

    @property
    def pk(self) -> int:
        return self.row.pk


@dataclass(frozen=True)
class Group:
    """People who meet one step of one version, now (``at``)."""

    version: AutomationVersion
    definition: Definition
    step: Step
    people: Sequence[Walker]
    at: dt.datetime

    @property
    def ids(self) -> list[int]:
        return [walker.pk for walker in self.people]

    @property
    def subscribers(self) -> list[int]:
        return [walker.row.subscriber_id for walker in self.people]

    def of(self, people: Sequence[Walker]) -> Group:
        """The same moment for some of them."""
        return Group(self.version, self.definition, self.step, people, self.at)


@dataclass(frozen=True)
class Met:
    """What became of somebody at a step; see StepVisit."""

    enrolment: int
    outcome: str
    detail: Mapping[str, Any]
    message: UUID | None = None


def write_visits(step: str, met: Sequence[Met], at: dt.datetime) -> None:
    """Write what became of people at a step; who met it before is an error."""
    moment = stored_moment(at)
    insert_rows(
        StepVisit,
        ("enrolment_id", "step", "outcome", "at", "detail", "message"),
        [
            (
                one.enrolment,
                step,
                one.outcome,
                moment,
                json_parameter(one.detail),
                stored_uuid(one.message) if one.message else None,
            )
            for one in met
        ],
    )


def write_rows(rows: Sequence[Enrolment]) -> int:
    """Write where people are, in one statement, except those who were ended meanwhile; how many that were."""
    if not rows:
        return 0
    instant = "CAST(%s AS timestamptz)" if is_postgres() else "%s"
    line = f"(CAST(%s AS bigint), %s, %s, %s, {instant}, {instant}, {instant}, {instant})"
    values: list[Any] = []
    for row in rows:
        values += [row.pk, str(row.state), row.reason, row.step]
        values += [at and stored_moment(at) for at in (row.due_at, row.came_at, row.mailed_at, row.ended_at)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE automations_enrolment SET
                   state = v.column2, reason = v.column3, step = v.column4, due_at = v.column5, came_at = v.column6,
                   mailed_at = v.column7, ended_at = v.column8,
                   place = CASE WHEN v.column8 IS NULL THEN automations_enrolment.place END
              FROM (VALUES {", ".join([line] * len(rows))}) AS v
             WHERE automations_enrolment.id = v.column1 AND automations_enrolment.ended_at IS NULL
            """,
            values,
        )
        return int(cursor.rowcount)
