"""How many people a rule means, within the time a page can wait: counted, or else told from a sample."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass

from django.db.models import Q

from personalize.core.database import OutOfTime, time_limit
from segments.segmentation.audience import ids_up_to_now, people_of, planned, sample
from segments.segmentation.rules.compiler import compile_rule
from segments.segmentation.rules.nodes import Node

SAMPLES = (4_000, 200)
"""How many people are asked about where all take too long; the first such sample whose answer comes in time counts.

Of 4,000 people a share of a half comes out 1.6 points too high or low in one case of twenty, a smaller share by less.
"""


@dataclass(frozen=True)
class Counted:
    """How many people; ``exact`` is false where a sample told. ``seconds`` is how long the answer took."""

    people: int
    exact: bool
    seconds: float


def count(*, node: Node, as_of: dt.datetime) -> int:
    """How many people a rule means, however long it takes."""
    with planned():
        return people_of(node, as_of=as_of).count()


def count_within(*, node: Node, as_of: dt.datetime, seconds: float = 1.0) -> Counted:
    """Count the people a rule means, or tell about how many they are when that takes longer than ``seconds``.

    The answer that follows takes up to as long again.
    """
    began = time.perf_counter()
    try:
        with time_limit(seconds):
            people, exact = count(node=node, as_of=as_of), True
    except OutOfTime:
        people, exact = _told_from_sample(node, as_of, seconds), False
    return Counted(people, exact, time.perf_counter() - began)


def tell(*, node: Node, as_of: dt.datetime, seconds: float = 1.0) -> Counted:
    """About how many people a rule means, from the largest sample that answers within ``seconds``."""
    began = time.perf_counter()
    return Counted(_told_from_sample(node, as_of, seconds), False, time.perf_counter() - began)


def _told_from_sample(node: Node, as_of: dt.datetime, seconds: float) -> int:
    condition = compile_rule(node, as_of=as_of, few=True)
    *larger, smallest = SAMPLES
    for size in larger:
        try:
            with time_limit(seconds):
                return _share(condition, size)
        except OutOfTime:
            continue
    return _share(condition, smallest)


def _share(condition: Q, size: int) -> int:
    """The number of people that the condition is true of, as it would be if all were like those of a sample."""
    asked, share = sample(size)
    return round(asked.filter(condition).count() * ids_up_to_now() / (size * share)) if share else 0
