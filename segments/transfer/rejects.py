"""The rejected rows of an import: as a file to be mended and imported again, and for how long they are kept."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from segments.transfer.models import Import, Rejection

# A spreadsheet would run a cell that begins like this as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_SLICE = 10_000


def write(job: Import, header: Sequence[str], path: Path) -> None:
    """Write line, reason and values of every rejected row; cells that a spreadsheet would run get an apostrophe."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["line", "reason", *map(_safe, header)])
        for rejection in job.rejections.order_by("line", "pk").iterator():
            out.writerow([rejection.line, rejection.reason, *map(_safe, rejection.values)])


def count(before: dt.datetime) -> int:
    """How many rejected rows are left of imports that were over before."""
    return Rejection.objects.filter(job__finished_at__lt=before).count()


def prune(before: dt.datetime) -> int:
    """Remove them, in slices."""
    removed = 0
    while found := list(Rejection.objects.filter(job__finished_at__lt=before).values_list("pk", flat=True)[:_SLICE]):
        removed += Rejection.objects.filter(pk__in=found).delete()[0]
    return removed


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
