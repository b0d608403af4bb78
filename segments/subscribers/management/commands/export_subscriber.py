"""Hands out everything known of a person."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from segments.subscribers.management.base import PersonCommand
from segments.subscribers.rights import export_subscriber


class Command(PersonCommand):
    help = (
        "Writes everything known of a person to a ZIP file: data.json for machines and data.html for reading. The file is"
        " there whole or not at all. Exits with 1 when nobody has the address."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, help="The ZIP file to write; one that is there already is replaced.")

    def handle(self, *args: Any, **options: Any) -> None:
        person = self.present(options["person"])
        path: Path = options["file"]
        part = path.with_name(f"{path.name}.part")
        try:
            # For the owner's eyes alone, from the first byte on.
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
                export_subscriber(subscriber=person, actor="command", into=stream)
            os.replace(part, path)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error}.") from error
        finally:
            part.unlink(missing_ok=True)
        size = path.stat().st_size
        self.answer(options, {"file": str(path), "bytes": size}, f"{path} was written, {size:,} bytes.")
