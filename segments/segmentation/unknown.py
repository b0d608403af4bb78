"""Of whom is not known what a rule asks: people whom it leaves out for no fault of theirs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Count
from django.utils.translation import gettext as _

from personalize.core import clock
from segments.segmentation.rules.compiler import compile_rule
from segments.segmentation.rules.nodes import AttributeRule, Field, Group, NearRule, Node, SegmentRule
from segments.subscribers.models import Subscriber

MOST = 12


@dataclass(frozen=True)
class Unknown:
    """A field that a rule compares, and of how many people nothing is known there."""

    field: Field
    people: int


def unknown(node: Node) -> list[Unknown]:
    """The fields a rule compares that some people lack, in the order in which it names them; one query."""
    fields = list(dict.fromkeys(_fields(node)))[:MOST]
    if not fields:
        return []
    now = clock.now()
    lacking = {
        f"lacking_{place}": Count("pk", filter=compile_rule(AttributeRule(field, "not_known"), as_of=now))
        for place, field in enumerate(fields)
    }
    found = Subscriber.objects.present().aggregate(**lacking)
    counted = [Unknown(field, found[f"lacking_{place}"]) for place, field in enumerate(fields)]
    return [one for one in counted if one.people]


def _fields(node: Node) -> Iterator[Field]:
    match node:
        case Group(children):
            for child in children:
                yield from _fields(child)
        case SegmentRule():
            yield from _fields(node.tree)
        case AttributeRule() if node.op not in ("is_known", "not_known"):
            yield node.field
        case NearRule():
            yield Field("latitude", _("latitude"), "decimal", "latitude")
