"""From rule JSON, version 1, to the tree; strict, with located errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any as Anything

from django.utils.translation import gettext as _

from segments.segmentation.rules.kinds import kinds
from segments.segmentation.rules.nodes import All, Any, Group, Node, None_
from segments.segmentation.rules.reading import RuleError, at, sequence, table
from segments.segmentation.rules.vocabulary import Vocabulary

VERSION = 1
MAX_DEPTH = 5
MAX_LEAVES = 500
GROUPS: Mapping[str, type[Group]] = {"all": All, "any": Any, "none": None_}

__all__ = ["RuleError", "parse"]


def parse(raw: Anything, *, vocabulary: Vocabulary | None = None) -> Node:
    """Read a rule; raises RuleError with ``path`` and ``message`` at the first thing that is wrong.

    Fields, topics and segments must be known: without ``vocabulary``, those in the database.
    """
    vocabulary = vocabulary or Vocabulary.of()
    if isinstance(raw, dict) and "v" in raw:
        if raw["v"] != VERSION or isinstance(raw["v"], bool):
            raise RuleError("v", _("Only version 1 of rules is known."))
        raw = {key: value for key, value in raw.items() if key != "v"}
    return parse_node(raw, "", vocabulary, 1)


def parse_node(raw: Anything, path: str, vocabulary: Vocabulary, depth: int) -> Node:
    """Read one node and what is under it; ``depth`` is 1 at the top."""
    if not isinstance(raw, dict):
        raise RuleError(path, _("Expected a rule."))
    for name, group in GROUPS.items():
        if name in raw:
            return _parse_group(raw, name, group, path, vocabulary, depth)
    return _parse_leaf(raw, path, vocabulary)


def _parse_group(
    raw: Mapping[str, Anything], name: str, group: type[Group], path: str, vocabulary: Vocabulary, depth: int
) -> Group:
    table(raw, path, required=[name])
    if depth > MAX_DEPTH:
        raise RuleError(path, _("Groups may be nested %(n)d deep, no deeper.") % {"n": MAX_DEPTH})
    here = at(path, name)
    # An empty "all" is everybody; an empty "any" or "none" is a forgotten rule.
    rules = sequence(raw[name], here, least=0 if group is All else 1, most=MAX_LEAVES)
    return group(tuple(parse_node(rule, f"{here}[{index}]", vocabulary, depth + 1) for index, rule in enumerate(rules)))


def _parse_leaf(raw: Mapping[str, Anything], path: str, vocabulary: Vocabulary) -> Node:
    found = [kind for key in raw if (kind := kinds.by_key(key))]
    if len(found) != 1:
        known = ", ".join([*GROUPS, *kinds])
        raise RuleError(path, _("Expected a rule with exactly one of: %(kinds)s.") % {"kinds": known})
    vocabulary.leaves.append(path)
    if len(vocabulary.leaves) > MAX_LEAVES:
        raise RuleError(path, _("A rule may hold %(n)d conditions, no more.") % {"n": MAX_LEAVES})
    return found[0].parse(raw, path, vocabulary)
