"""What goes into and comes out of storing people: rows as given, refusals and counts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Refusal:
    """Why a value is not taken: the name of the field and the reason in plain words."""

    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}"

    @property
    def sentence(self) -> str:
        """The reason as it stands below its field."""
        return f"{self.reason[:1].upper()}{self.reason[1:].rstrip('.')}."


@dataclass(frozen=True)
class RefusedRow:
    """A row that was not stored; ``index`` is its place in the rows handed in, from 0."""

    index: int
    refusal: Refusal


@dataclass(slots=True)
class SubscriberRow:
    """A person as somebody gave them. None leaves what is stored alone, an empty text clears it.

    ``country`` is an ISO 3166 code or an English name, ``birth_date`` ISO with or without a year (``1988-02-29``,
    ``--02-29`` or ``02-29``), ``external_id`` the person's id in the system that the rows come from. In ``attributes``
    None or an empty text removes a value.
    """

    email: str
    first_name: str | None = None
    last_name: str | None = None
    preferred_name: str | None = None
    title: str | None = None
    language: str | None = None
    time_zone: str | None = None
    country: str | None = None
    region: str | None = None
    city: str | None = None
    postal_code: str | None = None
    latitude: str | float | None = None
    longitude: str | float | None = None
    birth_date: str | dt.date | None = None
    external_id: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class UpsertResult:
    """What became of the rows. ``ids`` has the person's id for every row, in order; None where the row was refused.

    ``erased`` counts rows about people who were erased: they are known by their address key alone and stay erased.
    ``quarantined`` are values that did not fit their attribute or field: kept apart, the rest of their row was stored.
    ``superseded`` counts rows followed by another row with the same address: the last one wins.
    """

    created: int
    updated: int
    unchanged: int
    erased: int
    superseded: int
    refused: Sequence[RefusedRow]
    ids: Sequence[int | None]
    quarantined: int = 0


@dataclass(frozen=True)
class Stale:
    """Somebody else changed the object since it was read; ``lock_version`` is the one stored now."""

    lock_version: int
