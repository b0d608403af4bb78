"""The people a rule means, asked for in the form that costs the database least.

The form depends on how many people are asked about. Where rules that cost next to nothing leave few, the facts of these are
looked up one by one; otherwise those of all are gathered at once. How many are left is told from a small sample, which tells
it of values inside JSON too, where the planner can only guess.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from contextlib import AbstractContextManager

from django.db.models import Count, Max, Min, Q

from personalize.core.database import among, set_locally
from segments.segmentation.rules.compiler import EVERYBODY, compile_rule
from segments.segmentation.rules.effort import Effort, effort
from segments.segmentation.rules.nodes import All, Any, Group, Node, SegmentRule
from segments.subscribers.models import Subscriber
from segments.subscribers.querysets import SubscriberQuerySet

SAMPLE = 1_000
FEW = 0.03
"""The share of people below which looking each one up costs less than gathering the facts of all."""


def people_of(node: Node, *, as_of: dt.datetime, few: bool = False) -> SubscriberQuerySet:
    """The people a rule means, erased ones left out. ``few`` says that the caller will ask about few of them.

    One short query where the tree leaves a choice, none otherwise.
    """
    narrow = frozenset() if few else narrow_groups(node, as_of=as_of)
    return Subscriber.objects.present().filter(compile_rule(node, as_of=as_of, few=few, narrow=narrow, loose=True))


def narrow_groups(node: Node, *, as_of: dt.datetime) -> frozenset[Node]:
    """The groups of which few people satisfy the effortless rules: all of them, or in a choice one, and those around it."""
    open_ = dict(_choices(node, EVERYBODY, as_of))
    if not open_:
        return frozenset()
    asked, share = sample(SAMPLE)
    figures = {f"group_{number}": Count("pk", filter=condition) for number, condition in enumerate(open_.values())}
    found = asked.aggregate(**figures)
    most = FEW * SAMPLE * share
    return frozenset(group for group, number in zip(open_, found.values(), strict=True) if number <= most)


def _choices(node: Node, reach: Q, as_of: dt.datetime) -> Iterator[tuple[Node, Q]]:
    """The groups in which something costs effort and something else does not, with who is left for the former."""
    if isinstance(node, SegmentRule):
        yield from _choices(node.tree, reach, as_of)
    if not isinstance(node, Group) or effort(node) is not Effort.FACTS:
        return
    if isinstance(node, All):
        easy = [child for child in node.children if effort(child) is not Effort.FACTS]
        for child in easy:
            reach &= compile_rule(child, as_of=as_of, few=True)
        if easy:
            yield node, reach
    if isinstance(node, Any):
        easy = [child for child in node.children if effort(child) is not Effort.FACTS]
        if easy:
            yield node, reach & compile_rule(Any(tuple(easy)), as_of=as_of, few=True)
    for child in node.children:
        yield from _choices(child, reach, as_of)


def sample(size: int) -> tuple[SubscriberQuerySet, float]:
    """So many people, or all where there are fewer; and which share of the sample's size they are at most.

    They are the same every time, so that figures and plans change only when people do. Ids that are nobody's are as rare in
    the sample as among all.
    """
    reach = _ids()
    ids = random.Random(size).sample(reach, min(size, len(reach)))  # noqa: S311  No secret depends on it.
    return Subscriber.objects.present().filter(pk__in=among(ids)), len(ids) / size


def ids_up_to_now() -> int:
    """How many ids there are from the first person's to the last's."""
    return len(_ids())


def _ids() -> range:
    ends = Subscriber.objects.aggregate(first=Min("pk"), last=Max("pk"))
    return range(ends["first"] or 0, (ends["last"] or -1) + 1)


def planned() -> AbstractContextManager[None]:
    """Run statements over everybody, in one transaction, as suits them best on PostgreSQL.

    Lists of people are to be hashed, not searched through once for each person, and compiling expressions costs such
    statements more than it gains. The people of a list are to be looked up by index: the server's own price of that is the one
    of disks with a moving head, for which it would rather read everybody. Whether helpers read in parallel is left to it: they
    halve the wait where people's own rows are read.
    """
    return set_locally(work_mem="64MB", jit="off", random_page_cost="1.1")
