"""What passes between the parts of an import: records, their layout, and what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

POLICIES = ("set", "fill", "append")
"""What a value does to a stored one: replaces it, only fills where nothing is, or (several of a list) is added."""


class Unusable(ValueError):
    """The file as a whole cannot be imported; the message says why and where, in plain words. Nothing was written."""


@dataclass(frozen=True)
class Refusal:
    """Why an import cannot be set up so: what it is about (a column, ``topic``, ``state``, …) and the reason."""

    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}" if self.field else self.reason


@dataclass(frozen=True)
class Mark:
    """A place between two records of a file: how many lines and bytes, unpacked, stand before it."""

    lines: int = 0
    size: int = 0


class Record(NamedTuple):
    """A row of a file: the line it begins on, its values, and what is wrong with its shape (empty: nothing)."""

    line: int
    values: Sequence[str]
    problem: str = ""


Group = list[Record]
"""The records that are one thing, such as the lines of an order."""


@dataclass(frozen=True)
class Preview:
    """The beginning of a file. ``problems`` are the faults found there, each with its line."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    problems: Sequence[str] = ()


@dataclass(frozen=True)
class Layout:
    """Where in a row each field stands, and what its value does to a stored one (``set`` where nothing is said)."""

    places: Mapping[str, int]
    policies: Mapping[str, str] = field(default_factory=dict)

    def value(self, record: Record, name: str) -> str:
        """What the row says about a field; empty where it says nothing or is too short."""
        place = self.places.get(name, -1)
        return record.values[place] if 0 <= place < len(record.values) else ""


@dataclass
class Tally:
    """What became of some records: figures by name, and the records that were not taken with the reason."""

    counts: Counter[str] = field(default_factory=Counter)
    rejected: list[tuple[Record, str]] = field(default_factory=list)

    def reject(self, record: Record, reason: str) -> None:
        self.rejected.append((record, reason))


@dataclass(frozen=True)
class Steps:
    """How a chunk is stored: ``prepare`` reads what the records say, without the database, so that it may be done while
    the chunk before is stored; ``store`` takes what it gave, within a transaction. Both tell what became of the records.
    """

    prepare: Callable[[Sequence[Group], Tally], Any]
    store: Callable[[Any, Tally], None]


ColumnMap = Mapping[str, Mapping[str, Any]]
"""Columns of a file to ``{"field": …, "policy": …}``; columns left out are not read."""
