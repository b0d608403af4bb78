"""From the tree to one SQL condition."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from django.db.models import Q
from django.db.models.expressions import RawSQL

from personalize.core.database import is_postgres
from segments.segmentation.rules import anchors
from segments.segmentation.rules.among import Among, People
from segments.segmentation.rules.effort import Effort, effort
from segments.segmentation.rules.kinds import Scope, kinds
from segments.segmentation.rules.nodes import All, Any, Node, None_
from segments.subscribers.models import Subscriber

# Conditions that are always and never true, in a form every queryset accepts.
EVERYBODY = ~Q(pk__in=[])
NOBODY = Q(pk__in=[])


def compile_rule(
    node: Node,
    *,
    as_of: dt.datetime,
    person: str = "",
    few: bool = False,
    narrow: frozenset[Node] = frozenset(),
    those: RawSQL | None = None,
    loose: bool = False,
) -> Q:
    """The condition that is true of the people meant, for ``filter()`` or ``annotate(x=ExpressionWrapper(q, BooleanField()))``.

    ``person`` is the lookup path from the queryset's rows to the subscriber: empty on Subscriber, ``subscriber`` on
    Message. ``as_of`` bounds dated facts such as orders; attributes and topics are as they are now. ``few`` says that the
    queryset holds few rows, ``narrow`` of which groups the effortless rules mean few people, ``those`` gives the ids of the
    few where they are hundreds. The condition is never null, so that its negation is the complement; only where ``loose`` it
    may be, for callers that filter by it and do not negate it.
    """
    return compile_node(node, Scope(as_of, person, few, narrow, those, loose))


def compile_node(node: Node, scope: Scope) -> Q:
    """The condition of one node, groups by their children."""
    match node:
        case All(children):
            joined = EVERYBODY
            left = replace(scope, few=True) if node in scope.narrow else scope
            for child in sorted(children, key=effort):
                joined &= compile_node(child, left if effort(child) is Effort.FACTS else scope)
            return joined
        case Any(children):
            gathered = _gathered(node, scope)
            if gathered is not None:
                return gathered
            joined = NOBODY
            for child in sorted(children, key=effort):
                joined |= compile_node(child, scope)
            return joined
        case None_(children):
            # One negation per child, so that each can become an anti-join.
            joined, strict = EVERYBODY, replace(scope, loose=False)
            for child in sorted(children, key=effort):
                joined &= ~compile_node(child, strict)
            return joined
        case _:
            window = getattr(node, "window", None)
            if window and anchors.is_by_row(window):
                scope = replace(scope, few=True, those=None)
            return kinds.of(node).compile(node, scope)


def _gathered(group: Any, scope: Scope) -> Q | None:
    """The people of all alternatives in one list, where PostgreSQL is asked about everybody; else None.

    It makes joins of lists of people, but none of an OR, for which it would go through everybody. That pays as long as the
    effortless alternatives, which are one more list, mean few people, and each of the others is told by a list itself.
    """
    easy = [child for child in group.children if effort(child) is not Effort.FACTS]
    hard = [child for child in group.children if effort(child) is Effort.FACTS]
    if scope.few or scope.person or not is_postgres() or not hard or (easy and group not in scope.narrow):
        return None
    inside = replace(scope, loose=True)
    lists = [compile_node(child, inside) for child in hard]
    if not all(map(_is_list, lists)):
        return None
    if easy:
        lists.append(compile_node(Any(tuple(easy)), inside))
    first, *others = (Subscriber.objects.filter(one).order_by().values("pk") for one in lists)
    return Q(Among(scope.person_id, People(first.union(*others, all=True) if others else first)))


def _is_list(condition: Q) -> bool:
    """Whether those of whom it is true are all in a list."""
    parts = [] if condition.negated or condition.connector != Q.AND else condition.children
    return any(isinstance(part, Among) or (isinstance(part, Q) and _is_list(part)) for part in parts)
