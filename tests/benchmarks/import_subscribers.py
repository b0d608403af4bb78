"""Importing people from a file, against the fastest ways there are to write the same rows into the same table.

Each round imports a file of new people, one in which everybody has changed, and that one again; joins them to a topic;
then empties the table and writes the very rows that stood in it, ready-made: by raw COPY (on SQLite by ``executemany``
with ON CONFLICT), and by ``bulk_create`` with ``update_conflicts``. The figures are medians of the rounds.
"""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from django.core.management.color import no_style
from django.db import connection, transaction

from segments.consent.models import ConsentEntry, Subscription
from segments.consent.services import bulk_subscribe
from segments.subscribers.models import ExternalId, QuarantinedValue, Subscriber
from segments.transfer.models import Import
from tests.benchmarks.harness import Bench, bench, import_file
from tests.factories import make_topic
from tests.servers import ROOT, database_url

NAMES = ("Ann", "Élodie", "Jürgen", "Mary-Jane", "Siobhán", "Łukasz")
CITIES = ("Bristol", "Bath", "Köln", "Cork")
ROUNDS = 3
SLOW_ROWS = 30_000
"""``bulk_create`` is timed on so many rows at most: it takes as long for each of them."""
TABLE = Subscriber._meta.db_table
IMPORTER = """
import sys
from pathlib import Path
import django
django.setup()
from django.core.management import call_command
call_command("import_subscribers", sys.argv[1], "--json")
print([line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")][0])
"""


def write_file(path: Path, rows: int, surname: str) -> None:
    with path.open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["email", "first_name", "last_name", "country", "city", "language", "birth_date"])
        for row in range(rows):
            name, born = NAMES[row % len(NAMES)], f"{1940 + row % 60}-{row % 12 + 1:02}-{row % 28 + 1:02}"
            out.writerow([f"person{row}@post.example", name, f"{surname} {row}", "GB", CITIES[row % 4], "en", born])


def empty() -> None:
    tables = [kind._meta.db_table for kind in (ConsentEntry, Subscription, QuarantinedValue, ExternalId, Subscriber)]
    statements = connection.ops.sql_flush(no_style(), [*tables, Import._meta.db_table], allow_cascade=True)
    connection.ops.execute_sql_flush(statements)


def raw_writer() -> Callable[[], None]:
    """Writes the rows that stand in the table now, without another thought."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            kept = io.BytesIO()
            cursor.cursor.copy_expert(f"COPY {TABLE} TO STDOUT", kept)

            def copy() -> None:
                kept.seek(0)
                with connection.cursor() as cursor:
                    cursor.cursor.copy_expert(f"COPY {TABLE} FROM STDIN", kept)

            return copy
        cursor.execute(f"SELECT * FROM {TABLE}")
        columns = [column[0] for column in cursor.description]
        rows = cursor.fetchall()
    changed = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in ("id", "address_key"))
    statement = (
        f"INSERT INTO {TABLE} VALUES ({', '.join(['%s'] * len(columns))}) "
        f"ON CONFLICT (address_key) DO UPDATE SET {changed}"
    )

    def upsert() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(statement, rows)

    return upsert


def one_round(running: Bench, rows: int, new: Path, changed: Path, raw: str) -> None:
    empty()
    with running.measure("new people", rows, baseline=raw):
        import_file(new)
    with running.measure("everybody changed", rows, baseline=raw):
        import_file(changed)
    with running.measure("the same again", rows, baseline=raw):
        import_file(changed)
    people = list(Subscriber.objects.values_list("pk", flat=True))
    topic = make_topic()
    with running.measure("joining them to a topic, with proof", rows):
        for start in range(0, rows, 20_000):
            bulk_subscribe(subscriber_ids=people[start : start + 20_000], topic=topic, source="benchmark", basis="form")
    objects = list(Subscriber.objects.order_by("pk")[:SLOW_ROWS])
    write = raw_writer()
    empty()
    with running.measure(raw, rows):
        write()
    fields = [field.name for field in Subscriber._meta.concrete_fields if field.name not in ("id", "address_key")]
    for name in ("bulk_create(update_conflicts), everybody there", "bulk_create(update_conflicts), new"):
        with running.measure(name, len(objects), baseline=raw), transaction.atomic():
            Subscriber.objects.bulk_create(
                objects, batch_size=1000, update_conflicts=True, unique_fields=["address_key"], update_fields=fields
            )
        empty()


def peak_memory(path: Path) -> int:
    """Megabytes that a process of its own held at most while it imported the file, by Linux's own account of it."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "personalize.settings",
        "DATABASE_URL": database_url(),
        "PERSONALIZE_NO_BOOTSTRAP": "1",
    }
    command = [sys.executable, "-c", IMPORTER, str(path)]
    said = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    return int(said.split()[-1]) // 1024


def main() -> None:
    with bench(__doc__ or "", unit="people", rows=50_000) as (running, rows), tempfile.TemporaryDirectory() as folder:
        new, changed = Path(folder) / "people.csv", Path(folder) / "changed.csv"
        write_file(new, rows, "Whitaker")
        write_file(changed, rows, "Wren")
        raw = "raw COPY" if connection.vendor == "postgresql" else "executemany upsert"
        for _ in range(ROUNDS):
            one_round(running, rows, new, changed, raw)
        running.say(f"Peak memory of the importing process: {peak_memory(new):,} MB.")


if __name__ == "__main__":
    main()
