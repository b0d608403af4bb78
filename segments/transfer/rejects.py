"""The file of rejected rows: line, reason and the row itself, to be mended and imported again."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
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


def files(folder: Path) -> Iterator[Path]:
    """The files of rejected rows in a folder; none when there is no such folder."""
    return iter(sorted(folder.glob("*.rejects.csv")))


def naming(path: Path, words: Sequence[str]) -> int:
    """How many rows of the file have a cell that is one of the folded words, or holds one that is an address."""
    with path.open(encoding="utf-8", newline="") as stream:
        return sum(_names(row, words) for row in csv.reader(stream))


def scrub(path: Path, words: Sequence[str]) -> int:
    """Write the file anew without those rows; returns how many there were."""
    gone = 0
    scrubbed = path.with_suffix(".scrubbed")
    with path.open(encoding="utf-8", newline="") as stream, scrubbed.open("w", encoding="utf-8", newline="") as clean:
        writer = csv.writer(clean)
        for row in csv.reader(stream):
            if _names(row, words):
                gone += 1
            else:
                writer.writerow(row)
    os.replace(scrubbed, path)
    return gone


def _names(row: Sequence[str], words: Sequence[str]) -> bool:
    cells = [cell.casefold().strip() for cell in row]
    return any(word in cells or ("@" in word and any(word in cell for cell in cells)) for word in words)
