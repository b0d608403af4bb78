"""What segments use of what lies below them: attributes and static lists that their rules name."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from django.utils.translation import gettext as _

from personalize.core.registries import UsageSource, Use
from segments.segmentation import listing
from segments.segmentation.models import Segment


def named(rule: Any, key: str) -> Iterator[str]:
    """What a rule's JSON has under ``key``, such as the attributes under ``attr``, however deep and however sound it is."""
    if isinstance(rule, dict):
        if isinstance(rule.get(key), str):
            yield rule[key]
        for inner in rule.values():
            yield from named(inner, key)
    elif isinstance(rule, list):
        for inner in rule:
            yield from named(inner, key)


def attributes_in(rule: Any) -> set[str]:
    """The keys of the fields that a rule compares."""
    return set(named(rule, "attr"))


def lists_in(rule: Any) -> set[str]:
    """The static lists that a rule asks about, in the usual spelling of their ids."""
    found = set()
    for text in named(rule, "list"):
        with suppress(ValueError):  # What is no id names no list.
            found.add(str(uuid.UUID(text)))
    return found


def sources() -> list[UsageSource]:
    """Segments as users of attributes and of lists."""
    return [
        UsageSource("segments.attribute", "attribute", lambda one: _attributes().get(one.key, []), _attributes),
        UsageSource("segments.list", "list", lambda one: _lists().get(str(one.uuid), []), _lists),
    ]


def _attributes() -> dict[str, list[Use]]:
    return _table(attributes_in)


def _lists() -> dict[str, list[Use]]:
    return _table(lists_in)


def _table(names: Callable[[Any], set[str]]) -> dict[str, list[Use]]:
    """The segments by what they name; one query."""
    found: dict[str, list[Use]] = {}
    for segment in Segment.objects.all():
        for name in names(segment.rule):
            found.setdefault(name, []).append((segment.name, _("Segment"), listing.url(segment)))
    return found
