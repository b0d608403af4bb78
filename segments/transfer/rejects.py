"""The file of rejected rows: line, reason and the row itself, to be mended and imported again."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from segments.transfer.types import Record

# A spreadsheet would run a cell that begins like this as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


class Rejects:
    """Writes the file when the first row is rejected; without a path it only counts."""

    def __init__(self, path: Path | None, header: Sequence[str]) -> None:
        self.path = path
        self.header = header
        self.count = 0
        self.examples: list[str] = []
        self._stream: IO[str] | None = None
        self._writer: Any = None

    def add(self, record: Record, reason: str) -> None:
        """Note one rejected row."""
        self.count += 1
        if len(self.examples) < 5:
            self.examples.append(f"{record.line}: {reason}")
        if self.path is None:
            return
        if self._stream is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = self.path.open("w", encoding="utf-8", newline="")
            self._writer = csv.writer(self._stream)
            self._writer.writerow(["line", "reason", *map(_safe, self.header)])
        self._writer.writerow([record.line, reason, *map(_safe, record.values)])

    def __enter__(self) -> Rejects:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            self._stream.close()
