"""What the benchmarks share: a throw-away database, a clock, a progress bar, and the table of ratios."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from django.core.management.color import no_style
from django.db import connection, models, transaction
from django.test.utils import setup_databases, teardown_databases
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

import personalize.celery  # noqa: F401  The Celery app must exist before anything queues work.
from personalize.accounts.models import Brand
from segments.transfer.services import create_import, run_import


@dataclass(frozen=True)
class Measure:
    """How long one way took for so many things; ``baseline`` names the measure it is held against, if any."""

    name: str
    amount: int
    seconds: float
    baseline: str = ""

    @property
    def per_second(self) -> float:
        return self.amount / self.seconds


class Bench:
    """One run of a benchmark: measures what it is handed and tells the result at the end."""

    def __init__(self, unit: str, bar: Progress) -> None:
        self.unit = unit
        self.rounds: list[Measure] = []
        self.remarks: list[str] = []
        self._bar = bar

    @contextlib.contextmanager
    def measure(self, name: str, amount: int, baseline: str = "") -> Iterator[None]:
        """Take the time of what is done inside."""
        task = self._bar.add_task(name, total=None)
        started = time.perf_counter()
        yield
        self.rounds.append(Measure(name, amount, time.perf_counter() - started, baseline))
        self._bar.update(task, total=amount, completed=amount)

    def add(self, name: str, amount: int, seconds: float, baseline: str = "") -> None:
        """Add what was measured elsewhere."""
        self.rounds.append(Measure(name, amount, seconds, baseline))

    def say(self, remark: str) -> None:
        """Add a sentence to the result."""
        self.remarks.append(remark)

    @property
    def measures(self) -> list[Measure]:
        """One measure a name: the median of its rounds."""
        names = dict.fromkeys(one.name for one in self.rounds)
        found = [[one for one in self.rounds if one.name == name] for name in names]
        return [replace(same[0], seconds=median(one.seconds for one in same)) for same in found]

    def ratio(self, measure: Measure) -> float | None:
        """How many times as long as its baseline it takes for the same amount; None for a baseline itself."""
        base = next((one for one in self.measures if one.name == measure.baseline), None)
        return base.per_second / measure.per_second if base else None

    def tell(self, *, as_json: bool) -> None:
        """The result on standard output, as a table or as JSON."""
        if as_json:
            rows = [
                {
                    "name": one.name,
                    "amount": one.amount,
                    "seconds": round(one.seconds, 4),
                    "per_second": round(one.per_second, 1),
                    "baseline": one.baseline,
                    "ratio": (found := self.ratio(one)) and round(found, 2),
                }
                for one in self.measures
            ]
            sys.stdout.write(
                json.dumps(
                    {"database": connection.vendor, "unit": self.unit, "measures": rows, "remarks": self.remarks}
                )
                + "\n"
            )
            return
        table = Table(title=f"{self.unit}, on {connection.display_name}")
        for column in ("", self.unit, "seconds", "a second", "times the baseline"):
            table.add_column(column, justify="left" if not column else "right")
        for one in self.measures:
            found = self.ratio(one)
            ratio = f"{found:.2f} × {one.baseline}" if found else ""
            table.add_row(one.name, f"{one.amount:,}", f"{one.seconds:.3f}", f"{one.per_second:,.0f}", ratio)
        Console().print(table, *self.remarks, sep="\n")


def import_file(path: Path, *, kind: str = "subscribers", source: str = "import") -> None:
    """Import a file in which every row is good, here and now."""
    job = run_import(create_import(kind=kind, name=path.name, path=path, actor="command", source=source, keep=True))
    if job.state != "finished" or job.rejected:
        raise SystemExit(f"The import ended as {job.state}: {job.reason}")


@contextlib.contextmanager
def bench(description: str, *, unit: str, rows: int, keeps: str = "") -> Iterator[tuple[Bench, int]]:
    """Read the command line, make an empty database with a brand, give the bench and the number of rows, and tell at the end.

    The database is SQLite in a throw-away folder, or one beside that of TEST_DATABASE_URL. A benchmark that ``keeps`` its
    data under a name can be told to leave it there and to find it again.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rows", type=int, default=rows, help=f"how many {unit} (default: {rows:,})")
    parser.add_argument("--json", action="store_true", help="tell the result as JSON")
    if keeps:
        parser.add_argument(
            "--keep", action="store_true", help="use the data of an earlier run, and leave it for another"
        )
    options = parser.parse_args()
    keep = bool(keeps and options.keep)
    if keep and connection.vendor == "sqlite":
        connection.settings_dict["TEST"]["NAME"] = str(Path(tempfile.gettempdir()) / f"{keeps}.sqlite3")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    databases = setup_databases(verbosity=0, interactive=False, keepdb=keep)
    try:
        Brand.objects.update_or_create(
            pk=1,
            defaults={
                "name": "Alder & Wren",
                "time_zone": "Europe/London",
                "website": "https://alderandwren.example",
            },
        )
        with Progress(*columns, console=Console(stderr=True, quiet=options.json)) as bar:
            running = Bench(unit, bar)
            yield running, options.rows
        running.tell(as_json=options.json)
    finally:
        teardown_databases(databases, verbosity=0, keepdb=keep)


def written_again(running: Bench, name: str, amount: int, kinds: Sequence[type[models.Model]]) -> None:
    """Measure ``bulk_create`` of the very rows these tables hold, into the same tables, emptied."""
    rows = [(kind, list(kind._default_manager.order_by("pk"))) for kind in kinds]
    with connection.constraint_checks_disabled(), connection.cursor() as cursor:
        for statement in connection.ops.sql_flush(
            no_style(), [kind._meta.db_table for kind in kinds], allow_cascade=True
        ):
            cursor.execute(statement)
    with running.measure(name, amount), transaction.atomic():
        for kind, objects in rows:
            kind._default_manager.bulk_create(objects, batch_size=2000)
