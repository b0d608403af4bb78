"""Write every bar in force into a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from personalize.core import audit
from segments.consent.suppression_files import export_csv


class Command(BaseCommand):
    help = (
        "Write every bar in force into a CSV file that import_suppression reads again. Addresses are known by their keyed "
        "hash; another installation understands it when it has the same ADDRESS_KEY."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "file", type=Path, help="the file to write; an existing one is replaced when all is written"
        )
        parser.add_argument(
            "--addresses", action="store_true", help="add the addresses of people who are still known here"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        unfinished = path.with_name(f"{path.name}.unfinished")
        rows = -1  # The header is no row.
        try:
            with unfinished.open("w", newline="", encoding="utf-8") as file:
                for line in export_csv(addresses=options["addresses"]):
                    file.write(line)
                    rows += 1
            unfinished.replace(path)
        except OSError as error:
            raise CommandError(f"{path}: {error}") from error
        finally:
            unfinished.unlink(missing_ok=True)
        audit.record(actor="command", action="suppression.exported", rows=rows, addresses=options["addresses"])
        self.stdout.write(f"{rows:,} rows written to {path}")
