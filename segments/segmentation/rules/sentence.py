"""From the tree to words a marketer reads."""

from __future__ import annotations

from django.utils.translation import gettext as _

from segments.segmentation.rules.kinds import Phrase, kinds
from segments.segmentation.rules.nodes import All, Any, Group, Node, None_
from segments.segmentation.rules.words import both, either


def sentence(node: Node) -> str:
    """The whole rule as one sentence, such as "People whose country is Ireland and who are subscribed to News."."""
    words = _("People %(clause)s.") % {"clause": _clause(node)} if _clause(node) else _("Everyone.")
    return words


def phrase(node: Node) -> Phrase:
    """A leaf in words."""
    return kinds.of(node).phrase(node)


def _clause(node: Node, *, inside: bool = False) -> str:
    """What follows "People"; ``inside`` another group, brackets keep apart what belongs together."""
    if not isinstance(node, Group):
        return phrase(node).clause
    clauses = [clause for child in node.children if (clause := _clause(child, inside=True))]
    if not clauses:
        return ""
    match node:
        case None_():
            return _("other than those %(clauses)s") % {"clauses": f"({either(clauses)})"}
        case All():
            joined = both(clauses)
        case Any():
            joined = either(clauses)
    return f"({joined})" if inside and len(clauses) > 1 else joined
