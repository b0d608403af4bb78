"""Why somebody is in, or is not: a rule node by node, whether each is true of them, and the fact that makes it so."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property, partial
from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, QuerySet

from segments.segmentation.rules.compiler import compile_rule
from segments.segmentation.rules.nodes import All, Group, Node, None_, SegmentRule
from segments.segmentation.rules.nodes import Any as AnyOf
from segments.segmentation.rules.parse import GROUPS, parse
from segments.segmentation.rules.reading import at
from segments.segmentation.rules.sentence import phrase, sentence
from segments.segmentation.rules.vocabulary import NOTHING_FROZEN, Frozen, Vocabulary
from segments.segmentation.rules.witnesses import Asked, witness
from segments.subscribers.models import Subscriber

TOGETHER = 100
"""So many conditions are asked by one query."""

MAX_WITNESSES = 60
"""So many conditions are told with their witness; the rest of a longer rule only with whether it is true."""

_KINDS: Mapping[type[Node], str] = {group: name for name, group in GROUPS.items()}


class Nobody(Enum):
    """Of whom nothing can be asked."""

    UNKNOWN = "unknown"
    ERASED = "erased"


@dataclass(frozen=True)
class Answer:
    """One node. ``path`` is its place as refusals name it, such as ``all[1].none[0]``; what stands in a segment is beneath.

    ``kind`` is all, any or none for a group and empty for a rule.
    """

    path: str
    depth: int
    kind: str
    holds: bool
    words: str
    look: Callable[[], str] = field(repr=False, compare=False)

    @cached_property
    def witness(self) -> str:
        """The very fact that decides it, in words; it is looked up when first asked for. Empty for groups."""
        return self.look()


def answers(*, rule: Any, person: Subscriber | None, as_of: dt.datetime) -> list[Answer] | Nobody:
    """The nodes of a rule as they are true of one person, in reading order. Raises RuleError."""
    if person is None:
        return Nobody.UNKNOWN
    if person.erased_at is not None:
        return Nobody.ERASED
    return answers_of(rule=rule, rows=Subscriber.objects.filter(pk=person.pk), as_of=as_of) or Nobody.UNKNOWN


def answers_of(
    *, rule: Any, rows: QuerySet[Any, Any], as_of: dt.datetime, path: str = "", frozen: Frozen = NOTHING_FROZEN
) -> list[Answer]:
    """The same of the one row that ``rows`` selects, which leads to its person by ``path``. Empty without such a row.

    Segments in ``frozen`` are read as they are defined there. A query for every hundred conditions. Raises RuleError.
    """
    placed = list(_walk(parse(rule, vocabulary=Vocabulary.of(frozen=frozen)), "", 0))
    scope = Asked(as_of, path, few=True, rows=rows)
    found = _truths([node for _place, _depth, node in placed if not _inner(node)], rows, scope)
    if found is None:
        return []
    person, truths = found
    told = 0
    listed = []
    for place, depth, node in placed:
        kind = _KINDS.get(type(node), "")
        told += not _inner(node)
        look = partial(witness, node, person=person, scope=scope) if told <= MAX_WITNESSES else str
        words = sentence(node) if kind else phrase(node).clause
        listed.append(Answer(place, depth, kind, _holds(node, truths), words, look))
    return listed


def _truths(leaves: Sequence[Node], rows: QuerySet[Any, Any], scope: Asked) -> tuple[int, dict[Node, bool]] | None:
    """The row's person, and whether each condition is true of it; None without such a row."""
    person: int | None = None
    truths: dict[Node, bool] = {}
    for start in range(0, len(leaves) or 1, TOGETHER):
        some = leaves[start : start + TOGETHER]
        columns = {
            f"truth_{number}": ExpressionWrapper(
                compile_rule(node, as_of=scope.as_of, person=scope.person, few=True), output_field=BooleanField()
            )
            for number, node in enumerate(some)
        }
        row = rows.order_by().annotate(**columns).values_list(scope.person_id, *columns).first()
        if row is None:
            return None
        person, *holds = row
        truths |= dict(zip(some, map(bool, holds), strict=True))
    return int(person or 0), truths


def _holds(node: Node, truths: Mapping[Node, bool]) -> bool:
    """Groups follow from their conditions, which are true or false and never unknown."""
    match node:
        case All(children):
            return all(_holds(child, truths) for child in children)
        case AnyOf(children):
            return any(_holds(child, truths) for child in children)
        case None_(children):
            return not any(_holds(child, truths) for child in children)
        case SegmentRule(tree=tree):
            return _holds(tree, truths)
    return truths[node]


def _walk(node: Node, path: str, depth: int) -> Iterator[tuple[str, int, Node]]:
    yield path, depth, node
    if isinstance(node, Group):
        here = at(path, _KINDS[type(node)])
        for number, child in enumerate(node.children):
            yield from _walk(child, f"{here}[{number}]", depth + 1)
    elif isinstance(node, SegmentRule):
        yield from _walk(node.tree, at(path, "segment"), depth + 1)


def _inner(node: Node) -> bool:
    return isinstance(node, Group | SegmentRule)
