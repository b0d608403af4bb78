"""Rules that name another segment: ``{"segment": "<uuid>"}``; a segment may not contain itself, however indirectly.

Of a snapshot it is asked who was in it when it was taken, of every other one its rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from segments.segmentation.models import Membership
from segments.segmentation.rules import reading
from segments.segmentation.rules.compiler import compile_node
from segments.segmentation.rules.kinds import Kind, Phrase, Scope
from segments.segmentation.rules.nodes import SegmentRule
from segments.segmentation.rules.parse import parse
from segments.segmentation.rules.reading import RuleError, at
from segments.segmentation.rules.vocabulary import Vocabulary


def _parse(raw: Mapping[str, Any], path: str, vocabulary: Vocabulary) -> SegmentRule:
    reading.table(raw, path, required=["segment"])
    here = at(path, "segment")
    uuid = reading.identifier(raw["segment"], here)
    if uuid in vocabulary.inside:
        raise RuleError(here, _("The segment would contain itself."))
    found = vocabulary.segment(uuid)
    if found is None:
        raise RuleError(here, _("There is no such segment."))
    name, rule = found
    try:
        tree = parse(rule, vocabulary=replace(vocabulary, inside=(*vocabulary.inside, uuid)))
    except RuleError as error:
        raise RuleError(here, _("In ‘%(name)s’: %(error)s") % {"name": name, "error": error}) from error
    return SegmentRule(uuid, name, tree, vocabulary.stored(uuid))


def _compile(rule: SegmentRule, scope: Scope) -> Q:
    if rule.stored:
        return scope.has(Membership.objects.filter(segment__uuid=rule.uuid))
    return compile_node(rule.tree, scope)


def _phrase(rule: SegmentRule) -> Phrase:
    clause = _("who are in the segment ‘%(name)s’") % {"name": rule.name}
    return Phrase(_("Segment"), _("includes the person:"), rule.name, clause)


KIND = Kind("segment", SegmentRule, _parse, _compile, _phrase)
