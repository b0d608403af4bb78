"""What segments use of what lies below them, and of each other: whatever their rules name."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

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
    return set(_ids(named(rule, "list")))


def segments_in(rule: Any) -> set[str]:
    """The segments that a rule names itself, also as subject of an event, in the usual spelling of their ids."""
    return set(_ids([*named(rule, "segment"), *_filtered(rule, "subject")]))


def topics_in(rule: Any) -> set[str]:
    """The keys of the topics that a rule asks about, also as a property of messages."""
    return {*named(rule, "topic"), *_filtered(rule, "topic")}


def products_in(rule: Any) -> set[str]:
    """The codes of the products that a rule asks about."""
    return set(_filtered(rule, "product"))


def _ids(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        with suppress(ValueError):  # What is no id names nothing.
            yield str(uuid.UUID(text))


def _filtered(rule: Any, field: str) -> Iterator[str]:
    """The values that filters on ``field`` compare with."""
    if isinstance(rule, dict):
        if rule.get("field") == field:
            values = rule.get("value")
            yield from (value for value in (values if isinstance(values, list) else [values]) if isinstance(value, str))
        for inner in rule.values():
            yield from _filtered(inner, field)
    elif isinstance(rule, list):
        for inner in rule:
            yield from _filtered(inner, field)


NAMED: Mapping[str, tuple[Callable[[Any], set[str]], str]] = {
    "attribute": (attributes_in, "key"),
    "list": (lists_in, "uuid"),
    "segment": (segments_in, "uuid"),
    "topic": (topics_in, "key"),
    "product": (products_in, "code"),
}
"""What rules name, by the kind of thing: how it is found in a rule, and by which of its fields it is named there."""


def sources() -> list[UsageSource]:
    """Segments as users of whatever their rules name."""
    edited = {"segment": _("It means others too, from the same moment on.")}
    return [
        of_rules("segments", kind, partial(_table, names), edited=edited.get(kind, ""))
        for kind, (names, _field) in NAMED.items()
    ]


def of_rules(app: str, kind: str, table: Callable[[], dict[str, list[Use]]], *, edited: Any = "") -> UsageSource:
    """A source of an ``app`` for things that rules name, from the table of all its users."""
    field = NAMED[kind][1]
    return UsageSource(
        f"{app}.{kind}", kind, lambda target: table().get(str(getattr(target, field)), []), table, edited=edited
    )


def _table(names: Callable[[Any], set[str]]) -> dict[str, list[Use]]:
    """The segments by what they name; one query."""
    found: dict[str, list[Use]] = {}
    for segment in Segment.objects.all():
        for name in names(segment.rule):
            found.setdefault(name, []).append((segment.name, gettext("Segment"), listing.url(segment)))
    return found
