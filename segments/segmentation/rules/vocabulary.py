"""What a rule may speak of: the fields of a person, the topics, the static lists, the other segments."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from django.utils.translation import gettext as _

from personalize.accounts.models import Brand
from segments.consent.models import Topic
from segments.segmentation.models import Segment, SegmentMode
from segments.segmentation.rules.nodes import Field
from segments.subscribers.models import AttributeDefinition, StaticList

Frozen: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Definitions of segments as JSON keeps them, by the segments' ids."""

NOTHING_FROZEN: Frozen = MappingProxyType({})


def _built_in() -> dict[str, Field]:
    fields = (
        Field("email", _("email address"), "text", "email"),
        Field("first_name", _("first name"), "text", "first_name_folded"),
        Field("last_name", _("last name"), "text", "last_name_folded"),
        Field("language", _("language"), "code", "language"),
        Field("time_zone", _("time zone"), "code", "time_zone"),
        Field("country", _("country"), "code", "country"),
        Field("region", _("region"), "text", "region_folded"),
        Field("city", _("city"), "text", "city_folded"),
        Field("postal_code", _("postal code"), "code", "postal_code"),
        Field("latitude", _("latitude"), "decimal", "latitude"),
        Field("longitude", _("longitude"), "decimal", "longitude"),
        Field("birthday_month", _("birthday month"), "int", "birth_month"),
        Field("birthday", _("birthday"), "yearly", "birth_month"),
        Field("age", _("age"), "age", "birth_year"),
        Field("created_at", _("added"), "datetime", "created_at"),
    )
    return {entry.key: entry for entry in fields}


@dataclass(frozen=True)
class Vocabulary:
    """What rules may name. ``segment(uuid)`` gives name and rule JSON of a segment, ``static_list(uuid)`` a name; or None.

    ``zone()`` is the brand's time zone, ``stored(uuid)`` says that a segment is a snapshot that was taken. ``leaves`` and
    ``inside`` guard one reading: how many leaves it has seen, and which segments it is in the middle of.
    """

    fields: Mapping[str, Field]
    topics: Mapping[str, str]
    segment: Callable[[uuid.UUID], tuple[str, Any] | None]
    static_list: Callable[[uuid.UUID], str | None]
    zone: Callable[[], str] = lambda: "UTC"
    stored: Callable[[uuid.UUID], bool] = lambda _segment: False
    leaves: list[str] = field(default_factory=list)
    inside: tuple[uuid.UUID, ...] = ()

    @classmethod
    def of(
        cls,
        *,
        fields: Mapping[str, str] | None = None,
        topics: Mapping[str, str] | None = None,
        inside: tuple[uuid.UUID, ...] = (),
        frozen: Frozen = NOTHING_FROZEN,
    ) -> Vocabulary:
        """The built-in fields with ``fields`` (attribute key to type) and ``topics`` (key to name).

        What is not given is read from the database, with one query each; segments are read when one is named, those in
        ``frozen`` as they are defined there.
        """
        if fields is None:
            registered = {
                entry.key: Field(entry.key, entry.label, entry.type, choices=tuple(entry.choices))
                for entry in AttributeDefinition.objects.all()
            }
        else:
            registered = {key: Field(key, key, kind) for key, kind in fields.items()}
        if topics is None:
            topics = dict(Topic.objects.order_by().values_list("key", "name"))
        segments = _Segments(frozen)
        fields_known = {**registered, **_built_in()}
        return cls(fields_known, topics, segments, _StaticLists(), _Zone(), segments.stored, inside=inside)


class Definition(NamedTuple):
    """A segment as others read it. ``stored``: it is a snapshot that was taken, so it is asked who is in it, not its rule."""

    name: str
    rule: Any
    stored: bool


def definitions_now() -> dict[uuid.UUID, Definition]:
    """How every segment is defined at present, read with one query."""
    rows = Segment.objects.order_by().values_list("uuid", "name", "rule", "mode", "snapshot__taken_at")
    return {
        segment: Definition(name, rule, mode == SegmentMode.SNAPSHOT and taken is not None)
        for segment, name, rule, mode, taken in rows
    }


class _Segments:
    """All segments, read when the first one is named; some as they were defined when that was frozen."""

    def __init__(self, frozen: Frozen) -> None:
        self._frozen = frozen
        self._known: dict[uuid.UUID, Definition] | None = None

    def __call__(self, wanted: uuid.UUID) -> tuple[str, Any] | None:
        found = self._read().get(wanted)
        return found[:2] if found else None

    def stored(self, wanted: uuid.UUID) -> bool:
        return wanted in self._read() and self._read()[wanted].stored

    def _read(self) -> dict[uuid.UUID, Definition]:
        if self._known is None:
            frozen = {uuid.UUID(segment): Definition(**known) for segment, known in self._frozen.items()}
            self._known = definitions_now() | frozen
        return self._known


class _StaticLists:
    """The names of all static lists, read with one query when the first one is named."""

    def __init__(self) -> None:
        self._known: dict[uuid.UUID, str] | None = None

    def __call__(self, wanted: uuid.UUID) -> str | None:
        if self._known is None:
            self._known = dict(StaticList.objects.order_by().values_list("uuid", "name"))
        return self._known.get(wanted)


class _Zone:
    """The brand's time zone, read with one query when a rule first depends on it."""

    def __init__(self) -> None:
        self._known = ""

    def __call__(self) -> str:
        if not self._known:
            self._known = Brand.objects.values_list("time_zone", flat=True).first() or "UTC"
        return self._known
