"""What an edit of a rule would do: who comes in, who goes, and how many stay, before anything is saved."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from personalize.core.database import OutOfTime, time_limit
from segments.segmentation.audience import people_of, planned
from segments.segmentation.counting import count_within
from segments.segmentation.rules.nodes import All, Any, Node, None_
from segments.subscribers.models import Subscriber

SOME = 10
"""So many of those who come or go are named."""

_NOBODY = Any(())


@dataclass(frozen=True)
class Effect:
    """How many people an edit adds, removes and keeps; ``exact`` is false where a sample told one of the figures.

    ``some_added`` and ``some_removed`` are a few of them, and empty where finding them took too long.
    """

    added: int
    removed: int
    kept: int
    exact: bool
    some_added: list[Subscriber]
    some_removed: list[Subscriber]


def effect(*, before: Node | None, after: Node, as_of: dt.datetime, seconds: float = 2.0) -> Effect:
    """Compare two rules, of which the first may be none yet, at one instant.

    Each figure is one statement of at most ``seconds``; one that takes longer is told from a sample.
    """
    was = before or _NOBODY
    coming, going = All((after, None_((was,)))), All((was, None_((after,))))
    added, removed, kept = (
        count_within(node=node, as_of=as_of, seconds=seconds) for node in (coming, going, All((was, after)))
    )
    return Effect(
        added.people,
        removed.people,
        kept.people,
        added.exact and removed.exact and kept.exact,
        _some(coming, as_of, seconds) if added.people else [],
        _some(going, as_of, seconds) if removed.people else [],
    )


def _some(node: Node, as_of: dt.datetime, seconds: float) -> list[Subscriber]:
    try:
        with planned(), time_limit(seconds):
            return list(people_of(node, as_of=as_of).order_by("pk")[:SOME])
    except OutOfTime:
        return []
