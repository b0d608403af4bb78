"""The rejected rows of an import as a file to be mended and imported again, and taking a person out of such files."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from personalize.dashboard.lists import formula_safe
from segments.transfer.models import Import


def write(job: Import, header: Sequence[str], path: Path) -> None:
    """Write line, reason and values of every rejected row; cells that a spreadsheet would run get an apostrophe."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["line", "reason", *map(formula_safe, header)])
        for rejection in job.rejections.order_by("line", "pk").iterator():
            out.writerow([rejection.line, rejection.reason, *map(formula_safe, rejection.values)])


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
