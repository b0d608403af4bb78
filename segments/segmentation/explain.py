"""A segment rule by rule: in words, with how many people each rule leaves or finds."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from segments.segmentation.counting import Counted, count_within, tell
from segments.segmentation.rules.kinds import Phrase
from segments.segmentation.rules.nodes import All, Any, Node, None_
from segments.segmentation.rules.sentence import phrase
from segments.subscribers.models import Subscriber

PATIENCE = 3.0
"""So many seconds are spent on counting, and as many again on telling from samples what is left; then figures are missing."""


@dataclass
class Branch:
    """A rule or a group as the page draws it.

    ``people``: in a group of kind all, who is left after this rule; in any and none, whom it finds alone. ``before`` is who
    was there before it. Both are None where there was no time to count.
    """

    kind: str
    phrase: Phrase | None
    meant: Node
    children: list[Branch] = field(default_factory=list)
    counted: Counted | None = None
    before: int | None = None
    total: int = 0

    @property
    def people(self) -> int | None:
        return self.counted.people if self.counted else None

    @property
    def exact(self) -> bool:
        """Whether it was counted, and not told from a sample."""
        return self.counted is not None and self.counted.exact

    @property
    def share(self) -> str:
        """The bar's width in percent of everybody."""
        return f"{100 * self.people / self.total:.1f}" if self.people and self.total else "0"

    @property
    def taken(self) -> int | None:
        """How many people the rule takes away."""
        return None if self.before is None or self.people is None else max(self.before - self.people, 0)

    def walk(self) -> Iterator[Branch]:
        """This and everything under it."""
        yield self
        for child in self.children:
            yield from child.walk()


def explain(node: Node, *, as_of: dt.datetime, seconds: float = PATIENCE) -> Branch:
    """The tree with its figures.

    Each is a statement of its own, in the form that suits it: one that answers for all rules at once takes several times as
    long where people are many.
    """
    root, total = _branch(node, ()), Subscriber.objects.present().count()
    known: dict[Node, Counted | None] = {}
    counts_until = time.monotonic() + seconds
    for branch in root.walk():
        if branch.meant not in known:
            known[branch.meant] = _figure(branch.meant, as_of, counts_until, counts_until + seconds)
        branch.counted, branch.total = known[branch.meant], total
    _set_before(root, total)
    return root


def _branch(node: Node, reach: tuple[Node, ...]) -> Branch:
    """``reach`` are the rules that hold of whoever is still there when the eye comes to this node."""
    meant = All((*reach, node)) if reach else node
    match node:
        case All(children):
            grown = [_branch(child, (*reach, *children[:place])) for place, child in enumerate(children)]
            return Branch("all", None, meant, grown)
        case Any(children) | None_(children):
            kind = "any" if isinstance(node, Any) else "none"
            return Branch(kind, None, meant, [_branch(child, ()) for child in children])
    return Branch("", phrase(node), meant)


def _figure(node: Node, as_of: dt.datetime, counts_until: float, tells_until: float) -> Counted | None:
    at = time.monotonic()
    if at < counts_until:
        return count_within(node=node, as_of=as_of, seconds=min(1.0, counts_until - at))
    return tell(node=node, as_of=as_of, seconds=tells_until - at) if at < tells_until else None


def _set_before(branch: Branch, before: int | None) -> None:
    branch.before = before
    for child in branch.children:
        _set_before(child, before if branch.kind == "all" else branch.total)
        before = child.people
