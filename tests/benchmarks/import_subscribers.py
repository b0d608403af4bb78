"""Importing people from a file and joining them to a topic, against writing the same rows straight into the same tables."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

from segments.consent.models import ConsentEntry, Subscription
from segments.events.models import Event
from segments.subscribers.models import ExternalId, Subscriber
from segments.transfer.services import import_subscribers
from segments.transfer.types import Job
from tests.benchmarks.harness import bench, written_again
from tests.factories import make_topic

NAMES = ("Ann", "Élodie", "Jürgen", "Mary-Jane", "Siobhán", "Łukasz")
CITIES = ("Bristol", "Bath", "Köln", "Cork")


def write_file(path: Path, rows: int) -> None:
    with path.open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["email", "external_id", "first_name", "last_name", "country", "city"])
        for row in range(rows):
            name = NAMES[row % len(NAMES)]
            out.writerow([f"person{row}@post.example", row, name, f"Whitaker {row}", "GB", CITIES[row % len(CITIES)]])


def main() -> None:
    with bench(__doc__ or "", unit="people", rows=50_000) as (running, rows), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.csv"
        write_file(path, rows)
        job = Job(path=path, source="shop", rejects=Path(folder) / "rejects.csv")
        topic = make_topic()
        with running.measure("import", rows, baseline="bulk_create"):
            import_subscribers(job=job, topic=topic, basis="asked in the shop")
        with running.measure("the same file again", rows, baseline="bulk_create"):
            import_subscribers(job=job, topic=topic, basis="asked in the shop")
        written_again(running, "bulk_create", rows, [Subscriber, ExternalId, Subscription, ConsentEntry, Event])


if __name__ == "__main__":
    main()
