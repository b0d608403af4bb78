"""A rule, node by node, for one row: in words, and whether it is true."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, QuerySet

from segments.segmentation.rules.compiler import compile_rule
from segments.segmentation.rules.nodes import All, Group, Node, None_, SegmentRule
from segments.segmentation.rules.nodes import Any as AnyOf
from segments.segmentation.rules.parse import parse
from segments.segmentation.rules.sentence import phrase, sentence


@dataclass(frozen=True)
class Truth:
    """One node: ``depth`` is how deep it lies, ``kind`` all, any or none for a group, and empty for a rule."""

    depth: int
    kind: str
    words: str
    holds: bool


def truths(rule: Any, *, rows: QuerySet[Any, Any], as_of: dt.datetime, person: str = "") -> list[Truth]:
    """The nodes of a rule as they are true of the one row, in reading order; a segment's own rules stand beneath it.

    ``person`` is the path from the row to its person. One query. Empty when there is no such row. Raises RuleError.
    """
    listed = list(_walk(parse(rule), 0))
    columns = {
        f"truth_{number}": ExpressionWrapper(
            compile_rule(node, as_of=as_of, person=person, few=True), output_field=BooleanField()
        )
        for number, (_depth, node) in enumerate(listed)
    }
    found = rows.order_by().annotate(**columns).values_list(*columns).first()
    if found is None:
        return []
    return [
        Truth(depth, _kind(node), _words(node), bool(holds)) for (depth, node), holds in zip(listed, found, strict=True)
    ]


def _walk(node: Node, depth: int) -> Iterator[tuple[int, Node]]:
    yield depth, node
    children = node.children if isinstance(node, Group) else (node.tree,) if isinstance(node, SegmentRule) else ()
    for child in children:
        yield from _walk(child, depth + 1)


def _kind(node: Node) -> str:
    match node:
        case All():
            return "all"
        case AnyOf():
            return "any"
        case None_():
            return "none"
    return ""


def _words(node: Node) -> str:
    return sentence(node) if isinstance(node, Group) else phrase(node).clause
