"""Which segments one person is in, and which not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import BooleanField, ExpressionWrapper

from segments.segmentation.models import Segment
from segments.segmentation.rules.compiler import compile_rule
from segments.segmentation.rules.nodes import Node
from segments.segmentation.rules.parse import RuleError, parse
from segments.segmentation.rules.vocabulary import Vocabulary
from segments.subscribers.models import Subscriber

TOGETHER = 50
"""So many segments are asked about by one query."""


@dataclass(frozen=True)
class Belonging:
    """One segment: whether the person is in it, or why that cannot be told."""

    segment: Segment
    inside: bool
    error: RuleError | None = None


def segments_of(*, person: Subscriber, as_of: dt.datetime) -> list[Belonging]:
    """Every segment by name, as it stands to the person; an erased one is in none. A query for every fifty segments."""
    usable: list[tuple[Segment, Node]] = []
    found: dict[int, Belonging] = {}
    segments = list(Segment.objects.order_by("name"))
    known = Vocabulary.of()
    for segment in segments:
        known.leaves.clear()
        try:
            usable.append((segment, parse(segment.meaning, vocabulary=known)))
        except RuleError as error:
            found[segment.pk] = Belonging(segment, False, error)
    for start in range(0, len(usable), TOGETHER):
        some = usable[start : start + TOGETHER]
        for (segment, _node), inside in zip(some, _inside(person, [node for _, node in some], as_of), strict=True):
            found[segment.pk] = Belonging(segment, inside)
    return [found[segment.pk] for segment in segments]


def _inside(person: Subscriber, nodes: Sequence[Node], as_of: dt.datetime) -> list[bool]:
    columns = {
        f"in_{number}": ExpressionWrapper(compile_rule(node, as_of=as_of, few=True), output_field=BooleanField())
        for number, node in enumerate(nodes)
    }
    mine = Subscriber.objects.present().filter(pk=person.pk).order_by()
    row = mine.annotate(**columns).values_list(*columns).first()
    return [bool(value) for value in row] if row else [False] * len(nodes)
