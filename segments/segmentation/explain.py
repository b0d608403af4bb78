"""A segment rule by rule: in words, with how many people each rule leaves or finds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.db.models import Count, Q

from segments.segmentation.rules.compiler import EVERYBODY, compile_rule
from segments.segmentation.rules.kinds import Phrase
from segments.segmentation.rules.nodes import All, Any, Node, None_
from segments.segmentation.rules.sentence import phrase
from segments.subscribers.models import Subscriber

# Beyond this many rules the one query that counts them all would grow too long; then only the whole is counted.
MAX_COUNTED = 24


@dataclass
class Branch:
    """A rule or a group as the page draws it.

    ``people``: in a group of kind all, who is left after this rule; in any and none, whom it finds alone. ``before`` is who
    was there before it. Both are None where the tree is too large to count.
    """

    kind: str
    phrase: Phrase | None
    condition: Q
    before_condition: Q
    children: list[Branch] = field(default_factory=list)
    people: int | None = None
    before: int | None = None
    total: int = 0

    @property
    def share(self) -> str:
        """The bar's width in percent of everybody."""
        return f"{100 * self.people / self.total:.1f}" if self.people and self.total else "0"

    @property
    def taken(self) -> int:
        """How many people the rule takes away."""
        return (self.before or 0) - (self.people or 0)

    def walk(self) -> Iterator[Branch]:
        """This and everything under it."""
        yield self
        for child in self.children:
            yield from child.walk()


def explain(node: Node, *, as_of: dt.datetime) -> Branch:
    """The tree with its figures; one query however many rules there are."""
    root = _branch(node, as_of, EVERYBODY)
    branches = list(root.walk())
    counted = branches if len(branches) <= MAX_COUNTED else []
    figures = {f"after_{n}": Count("pk", filter=branch.condition) for n, branch in enumerate(counted)}
    figures |= {
        f"before_{n}": Count("pk", filter=b.before_condition) for n, b in enumerate(counted) if b.kind == "none"
    }
    found = Subscriber.objects.present().aggregate(total=Count("pk"), **figures)
    for number, branch in enumerate(branches):
        branch.total = found["total"]
        branch.people = found.get(f"after_{number}")
        branch.before = found.get(f"before_{number}")
    return root


def _branch(node: Node, as_of: dt.datetime, reach: Q) -> Branch:
    """``reach`` is who is still there when the eye comes to this node."""
    after = reach & compile_rule(node, as_of=as_of)
    match node:
        case All(children):
            branches, left = [], reach
            for child in children:
                branches.append(_branch(child, as_of, left))
                left &= compile_rule(child, as_of=as_of)
            return Branch("all", None, after, reach, branches)
        case Any(children) | None_(children):
            kind = "any" if isinstance(node, Any) else "none"
            return Branch(kind, None, after, reach, [_branch(child, as_of, EVERYBODY) for child in children])
    return Branch("", phrase(node), after, reach)
