"""Importing orders from a file, against writing the same rows straight into the same tables."""

from __future__ import annotations

import csv
import random
import tempfile
from pathlib import Path

from segments.commerce.models import Order, OrderLine, Product
from segments.events.models import Event
from segments.subscribers.models import ExternalId
from tests.benchmarks.harness import bench, import_file, written_again
from tests.factories import make_subscriber

LINES_PER_ORDER = 5
CUSTOMERS = 1000


def write_file(path: Path, rows: int) -> None:
    chance = random.Random(7)
    with path.open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["number", "product", "quantity", "unit_price", "placed_at", "customer_id"])
        for row in range(rows):
            number = row // LINES_PER_ORDER
            line = (f"P{chance.randrange(3000)}", chance.randint(1, 9), f"{chance.randint(1, 4000) / 100:.2f}")
            out.writerow(
                [f"N{number}", *line, f"2025-{number % 12 + 1:02}-{number % 28 + 1:02} 10:30:00", number % CUSTOMERS]
            )


def make_customers() -> None:
    people = [make_subscriber() for _ in range(CUSTOMERS)]
    ExternalId.objects.bulk_create(
        [ExternalId(subscriber=person, source="shop", value=str(n)) for n, person in enumerate(people)]
    )


def main() -> None:
    with (
        bench(__doc__ or "", unit="order lines", rows=50_000) as (running, rows),
        tempfile.TemporaryDirectory() as folder,
    ):
        path = Path(folder) / "orders.csv"
        write_file(path, rows)
        make_customers()
        with running.measure("import", rows, baseline="bulk_create"):
            import_file(path, kind="orders", source="shop")
        with running.measure("the same file again", rows, baseline="bulk_create"):
            import_file(path, kind="orders", source="shop")
        written_again(running, "bulk_create", rows, [Product, Order, OrderLine, Event])


if __name__ == "__main__":
    main()
