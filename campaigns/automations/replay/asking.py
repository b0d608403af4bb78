"""Rules asked of people who are only imagined to be somewhere: the very SQL of the real engine, over rows that nobody wrote.

A condition on enrolments reads the enrolments that the question brings along, under the table's own name; so what brought
somebody in is seen as it would be. The number of statements depends on the rules, not on how many people there are.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection

from campaigns.automations.models import Enrolment
from campaigns.automations.nodes import RuleJson
from personalize.core.copy import stored_moment
from personalize.core.database import among, is_postgres
from segments.segmentation.rules.compiler import compile_rule
from segments.segmentation.rules.nodes import Node
from segments.segmentation.rules.parse import parse
from segments.subscribers.models import Subscriber

FEW = 2
"""So many instants are asked one by one; for more of them both ends are asked first."""


@dataclass(frozen=True)
class Question:
    """Whether a rule is true of a person at an instant; ``context`` is what they came in for, None where they did not yet,
    and ``started_at`` when that took place.
    """

    rule: RuleJson
    at: dt.datetime
    person: int
    context: Mapping[str, Any] | None
    started_at: dt.datetime | None = None


class Asker:
    """Asks rules, each of which is read once."""

    def __init__(self) -> None:
        self._read: dict[int, Node] = {}

    def answers(self, questions: Sequence[Question], start: dt.datetime, end: dt.datetime) -> list[bool]:
        """The answers, in order; all instants lie between the two, which are near each other.

        Of whom a rule is as true at the one as at the other it is taken to be so in between. Only the others are asked
        about at their own instant. Raises RuleError when a rule cannot be asked any more.
        """
        found = [False] * len(questions)
        same: dict[tuple[int, bool], list[int]] = defaultdict(list)
        for number, question in enumerate(questions):
            same[id(question.rule), question.context is None].append(number)
        for numbers in same.values():
            open_ = numbers
            if len({questions[number].at for number in numbers}) > FEW:
                early, late = (self._whom(questions, numbers, at) for at in (start, end))
                for number in early & late:
                    found[number] = True
                open_ = sorted(early ^ late)
            for at in sorted({questions[number].at for number in open_}):
                for number in self._whom(questions, [number for number in open_ if questions[number].at == at], at):
                    found[number] = True
        return found

    def _whom(self, questions: Sequence[Question], numbers: Sequence[int], at: dt.datetime) -> set[int]:
        """The numbers of those questions, all about one rule, whose people it is true of."""
        node = self._node(questions[numbers[0]].rule)
        if questions[numbers[0]].context is None:
            people = {questions[number].person for number in numbers}
            asked = Subscriber.objects.filter(compile_rule(node, as_of=at, few=True), pk__in=among(people))
            holding = set(asked.values_list("pk", flat=True))
            return {number for number in numbers if questions[number].person in holding}
        rows = [_row(number, questions[number]) for number in numbers]
        wanted = Enrolment.objects.order_by().filter(compile_rule(node, as_of=at, person="subscriber", few=True))
        try:
            sql, parameters = wanted.values_list("pk").query.sql_with_params()
        except EmptyResultSet:
            return set()
        with connection.cursor() as cursor:
            cursor.execute(f"WITH automations_enrolment AS ({_rows_sql()}) {sql}", [json.dumps(rows), *parameters])
            return {number for (number,) in cursor.fetchall()}

    def _node(self, rule: RuleJson) -> Node:
        # Definitions outlive the asking, so that no two rules ever have the same id.
        if id(rule) not in self._read:
            self._read[id(rule)] = parse(rule)
        return self._read[id(rule)]


def _row(number: int, question: Question) -> dict[str, Any]:
    """An enrolment that nobody wrote, as far as a rule can ask for it."""
    return {
        "id": number,
        "subscriber_id": question.person,
        "context": question.context,
        "started_at": str(stored_moment(question.started_at)) if question.started_at else None,
    }


def _rows_sql() -> str:
    """Enrolments made of one JSON parameter."""
    if is_postgres():
        columns = "id bigint, subscriber_id bigint, context jsonb, started_at timestamptz"
        return f"SELECT * FROM jsonb_to_recordset(CAST(%s AS jsonb)) AS given({columns})"
    return """SELECT json_extract(value, '$.id') AS id, json_extract(value, '$.subscriber_id') AS subscriber_id,
                     json_extract(value, '$.context') AS context, json_extract(value, '$.started_at') AS started_at
                FROM json_each(%s)"""
