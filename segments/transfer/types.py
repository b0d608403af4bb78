"""What an import is told, and what it says at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class Unusable(ValueError):
    """The file as a whole cannot be imported; the message says why and where, in plain words. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Record:
    """A row of a file: the line it begins on, its values, and what is wrong with its shape (empty: nothing)."""

    line: int
    values: Sequence[str]
    problem: str = ""


@dataclass(frozen=True)
class Job:
    """What every import is told.

    ``columns`` says which column is which field; columns named like a field need no word. ``rejects`` is where rejected
    rows are written. ``progress`` is told (rows done, rows in all) after each chunk; ``stopped`` is asked whether to end
    there.
    """

    path: Path
    columns: Mapping[str, str] = field(default_factory=dict)
    source: str = "import"
    encoding: str = "utf-8-sig"
    dry_run: bool = False
    rejects: Path | None = None
    progress: Callable[[int, int], None] = lambda done, total: None
    stopped: Callable[[], bool] = lambda: False


@dataclass
class Summary:
    """What an import did, or in a dry run would have done."""

    dry_run: bool
    rows: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    rejected: int = 0
    examples: list[str] = field(default_factory=list)
    ignored_columns: Sequence[str] = ()
    interrupted: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Plain values, in the order in which they are told."""
        return {
            "dry_run": self.dry_run,
            "rows": self.rows,
            **self.counts,
            "rejected": self.rejected,
            "ignored_columns": list(self.ignored_columns),
            "interrupted": self.interrupted,
        }
