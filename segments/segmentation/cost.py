"""What a rule costs the database: its SQL, the plan, and which index would spare work. Nothing is counted for it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlparse
from django.db import connection
from django.db.models import Count, Q
from django.utils.translation import gettext as _

from personalize.core.database import is_postgres
from segments.segmentation import indexes
from segments.segmentation.audience import SAMPLE, people_of, planned, sample
from segments.segmentation.rules.compiler import compile_rule
from segments.segmentation.rules.nodes import All, AttributeRule, Group, Node, SegmentRule
from segments.segmentation.rules.sentence import phrase, sentence
from segments.subscribers.models import AttributeDefinition
from segments.subscribers.querysets import SubscriberQuerySet

RARE = 0.1
"""The share of people below which an index finds them sooner than reading everybody does."""


@dataclass(frozen=True)
class LeafCost:
    """One rule asked by itself: in words, its cost and the people the planner expects."""

    words: str
    cost: float | None
    rows: int | None


@dataclass(frozen=True)
class Suggestion:
    """An index that would help: the command that builds it, and why it would."""

    command: str
    reason: str


@dataclass(frozen=True)
class Cost:
    """``cost`` is in the planner's units (one is about a page read in sequence) and ``rows`` its guess of how many people
    are meant; SQLite's planner tells neither.
    """

    sentence: str
    sql: str
    plan: str
    cost: float | None
    rows: int | None
    leaves: tuple[LeafCost, ...]
    suggestions: tuple[Suggestion, ...]


def cost_of(node: Node, *, as_of: dt.datetime) -> Cost:
    """What asking for the people of a rule costs. The statements are planned, none is run."""
    people = people_of(node, as_of=as_of)
    with planned():
        plan, cost, rows = _plan(people)
        leaves = tuple(
            LeafCost(phrase(leaf).clause, *_plan(people_of(leaf, as_of=as_of))[1:]) for leaf in _leaves(node)
        )
    return Cost(sentence(node), _readable(people), plan, cost, rows, leaves, tuple(_suggestions(node, as_of)))


def _plan(people: SubscriberQuerySet) -> tuple[str, float | None, int | None]:
    """The plan as text, its cost and the number of rows it is expected to give."""
    sql, parameters = _ids(people)
    with connection.cursor() as cursor:
        if is_postgres():
            cursor.execute(f"EXPLAIN {sql}", parameters)
            text = "\n".join(line for (line,) in cursor.fetchall())
            cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", parameters)
            found = cursor.fetchone()[0]
            top = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
            return text, float(top["Total Cost"]), int(top["Plan Rows"])
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)
        depths: dict[int, int] = {0: -1}
        lines = []
        for number, parent, _unused, detail in cursor.fetchall():
            depths[number] = depths.get(parent, -1) + 1
            lines.append("  " * depths[number] + detail)
        return "\n".join(lines), None, None


def _ids(people: SubscriberQuerySet) -> tuple[str, Any]:
    sql, parameters = people.order_by().values("pk").query.sql_with_params()
    return sql, parameters


def _readable(people: SubscriberQuerySet) -> str:
    """The statement with its values put in, a clause a line. To be read, not to be run."""
    sql, parameters = _ids(people)
    with connection.cursor() as cursor:
        # Only a statement that was sent is known with its values; to plan it is the least that can be asked.
        cursor.execute(f"EXPLAIN {sql}", parameters)
        whole = connection.ops.last_executed_query(cursor.cursor, f"EXPLAIN {sql}", parameters)
    return str(sqlparse.format(whole.removeprefix("EXPLAIN "), reindent=True))


def _leaves(node: Node) -> Iterator[Node]:
    """The rules of a tree, those of segments that it names included."""
    children = node.children if isinstance(node, Group) else (node.tree,) if isinstance(node, SegmentRule) else ()
    for child in children:
        yield from _leaves(child)
    if not children and not isinstance(node, Group):
        yield node


def _required(node: Node) -> Iterator[AttributeRule]:
    """Comparisons of registered attributes that everybody meant satisfies: only these can an index narrow down."""
    if isinstance(node, All):
        for child in node.children:
            yield from _required(child)
    elif isinstance(node, SegmentRule):
        yield from _required(node.tree)
    elif isinstance(node, AttributeRule) and not node.field.column and node.op not in _UNINDEXED:
        yield node


_UNINDEXED = ("is_not", "not_in", "is_known", "not_known", "contains", "contains_any", "contains_all", "starts_with")


def _suggestions(node: Node, as_of: dt.datetime) -> Iterator[Suggestion]:
    rules = {rule.field.key: rule for rule in _required(node)}
    definitions = [one for one in AttributeDefinition.objects.filter(key__in=rules) if indexes.indexable(one)]
    usable = {one.name for one in indexes.built() if one.usable}
    wanting = [one for one in definitions if indexes.name_of(one) not in usable]
    if not wanting:
        return
    asked, _share = sample(SAMPLE)
    conditions: dict[str, Q] = {one.key: compile_rule(rules[one.key], as_of=as_of) for one in wanting}
    figures = {f"rule_{number}": Count("pk", filter=q) for number, q in enumerate(conditions.values())}
    found = asked.aggregate(everybody=Count("pk"), **figures)
    for definition, number in zip(wanting, list(found.values())[1:], strict=True):
        if found["everybody"] and number / found["everybody"] < RARE:
            share = 100 * number / found["everybody"]
            yield Suggestion(
                f"python3 manage.py index_attribute {definition.key}",
                _("Of all people about %(share).1f %% %(clause)s; with an index only these are read.")
                % {"share": share, "clause": phrase(rules[definition.key]).clause},
            )
