"""From the tree to words a marketer reads."""

from __future__ import annotations

from django.utils.translation import gettext as _

from segments.segmentation.rules.kinds import Phrase, kinds
from segments.segmentation.rules.nodes import All, Any, Group, Node, None_
from segments.segmentation.rules.words import both, either


def sentence(node: Node) -> str:
    """The whole rule as one sentence, such as "People whose country is Ireland, except those who placed no order."."""
    included, excluded = _split(node)
    people = _("People %(clause)s") % {"clause": included} if included else _("Everyone")
    return _except(people, excluded) + "."


def phrase(node: Node) -> Phrase:
    """A leaf in words."""
    return kinds.of(node).phrase(node)


def _split(node: Node) -> tuple[str, str]:
    """Who is in, and who of them is not; either may be empty."""
    match node:
        case All(children):
            inside = [clause for child in children if not isinstance(child, None_) and (clause := _clause(child))]
            outside = [clause for child in children if isinstance(child, None_) for clause in _clauses(child)]
            return both(inside) if inside else "", either(outside) if outside else ""
        case Any():
            return either(_clauses(node)), ""
        case None_():
            return "", either(_clauses(node))
    return phrase(node).clause, ""


def _clauses(group: Group) -> list[str]:
    return [_clause(child) or _("who are anybody at all") for child in group.children]


def _clause(node: Node) -> str:
    """A node inside another; brackets keep together what belongs together."""
    if not isinstance(node, Group):
        return phrase(node).clause
    included, excluded = _split(node)
    if excluded and not included:
        return f"({_('who are not among those %(others)s') % {'others': excluded}})"
    return f"({_except(included, excluded)})" if len(node.children) > 1 else included


def _except(people: str, others: str) -> str:
    return _("%(people)s, except those %(others)s") % {"people": people, "others": others} if others else people
