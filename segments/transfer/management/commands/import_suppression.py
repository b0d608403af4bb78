"""Bar the addresses of a file."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from segments.consent.models import SuppressionReason, Topic
from segments.consent.suppression_files import Default, Imported, Unusable, import_suppression

REASONS = [reason.value for reason in SuppressionReason if reason != SuppressionReason.ERASED]
SOME_REFUSED = 1
UNUSABLE = 2


class Command(BaseCommand):
    help = (
        "Bar the addresses of a file from marketing, or from one topic. The file has one address a line, or is a CSV with a "
        "column address or address_key, and if it likes reason, scope, source and until. Nothing in force is made weaker, "
        "and the same file again changes nothing. Ends with 0, with 1 when rows were passed over, with 2 when the file "
        "cannot be used."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the file")
        parser.add_argument(
            "--reason", choices=REASONS, default="manual", help="why, for rows that do not say (default: manual)"
        )
        parser.add_argument(
            "--topic", metavar="KEY", help="bar from this topic only, for rows that name no scope (default: everything)"
        )
        parser.add_argument("--source", default="file", help="where the list comes from, for rows that do not say")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen and write nothing")
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        topic = Topic.objects.filter(key=options["topic"]).first() if options["topic"] else None
        if options["topic"] and topic is None:
            raise CommandError(f"There is no topic {options['topic']!r}.", returncode=UNUSABLE)
        default = Default(SuppressionReason(options["reason"]), topic, options["source"])
        try:
            done = self._import(path, default, dry_run=options["dry_run"], quiet=options["json"])
        except (OSError, Unusable) as error:
            raise CommandError(f"{path.name}: {error}", returncode=UNUSABLE) from error
        if options["json"]:
            faults = [asdict(fault) for fault in done.faults]
            figures = {"rows": done.rows, **asdict(done.counts), "refused": done.refused, "dry_run": done.dry_run}
            self.stdout.write(json.dumps({**figures, "faults": faults}))
        else:
            self._tell(done)
        if done.refused:
            raise SystemExit(SOME_REFUSED)

    def _import(self, path: Path, default: Default, *, dry_run: bool, quiet: bool) -> Imported:
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        with (
            path.open("rb") as stream,
            Progress(*columns, console=console, disable=quiet or not console.is_terminal) as bar,
        ):
            task = bar.add_task(path.name, total=path.stat().st_size)
            return import_suppression(
                stream=stream,
                default=default,
                actor="command",
                dry_run=dry_run,
                progress=lambda read: bar.update(task, completed=read),
            )

    def _tell(self, done: Imported) -> None:
        self.stdout.write(f"{done.rows:,} rows {'would be read' if done.dry_run else 'read'}")
        for name, number in [*asdict(done.counts).items(), ("passed over", done.refused)]:
            self.stdout.write(f"  {name:<20}{number:>12,}")
        for fault in done.faults:
            self.stdout.write(f"  line {fault}")
        if done.refused > len(done.faults):
            self.stdout.write(f"  and {done.refused - len(done.faults):,} more")
        if done.dry_run:
            self.stdout.write("Nothing was written: this was a dry run.")
