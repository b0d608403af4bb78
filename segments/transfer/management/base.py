"""What the import commands share: arguments, the progress bar, a clean end on Ctrl-C, and the summary."""

from __future__ import annotations

import json
import signal
import time
from argparse import RawDescriptionHelpFormatter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from segments.transfer.mapping import parse_map
from segments.transfer.types import Job, Summary, Unusable

INTERRUPTED = 130


class ImportCommand(BaseCommand):
    """A door to one import. Ends with 0 when the file was read to its end, 2 when it is unusable, 130 after Ctrl-C."""

    fields: Mapping[str, Any] = {}
    notes = ""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        listed = "\n".join(f"  {name:<16}{words}" for name, words in self.fields.items())
        parser = super().create_parser(
            prog_name,
            subcommand,
            epilog=f"Fields for --map column=field:\n{listed}\n{self.notes}",
            **kwargs,
        )
        parser.formatter_class = RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the CSV file, also gzipped")
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="COLUMN=FIELD",
            help="which column is which field; columns named like a field need no word",
        )
        parser.add_argument("--source", default=self.default_source, help="the system the file comes from")
        parser.add_argument("--encoding", default="utf-8-sig", help="the file's encoding (default: UTF-8)")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen and write nothing")
        parser.add_argument("--rejects", type=Path, help="where rejected rows go (default: VAR_DIR/imports)")
        parser.add_argument("--json", action="store_true", help="print the summary as JSON")

    default_source = "shop"

    def run(self, job: Job, options: Mapping[str, Any]) -> Summary:
        """Do the import; raises Unusable."""
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        rejects = options["rejects"] or settings.VAR / "imports" / f"{path.name}.rejects.csv"
        started = time.monotonic()
        try:
            with _interruptible() as stopped, self._bar(options) as progress:
                job = Job(
                    path=path,
                    columns=parse_map(options["map"]),
                    source=options["source"],
                    encoding=options["encoding"],
                    dry_run=options["dry_run"],
                    rejects=rejects,
                    progress=progress,
                    stopped=stopped,
                )
                summary = self.run(job, options)
        except Unusable as error:
            raise CommandError(f"{path.name}: {error}", returncode=2) from error
        seconds = time.monotonic() - started
        written = str(rejects) if summary.rejected and not summary.dry_run else ""
        if options["json"]:
            self.stdout.write(json.dumps({**summary.as_dict(), "rejects": written, "seconds": round(seconds, 2)}))
        else:
            self._tell(summary, written, seconds)
        if summary.interrupted:
            raise SystemExit(INTERRUPTED)

    def _tell(self, summary: Summary, rejects: str, seconds: float) -> None:
        verb = "would be read" if summary.dry_run else "read"
        rate = f", {summary.rows / seconds:,.0f} a second" if seconds > 1 else ""
        self.stdout.write(f"{summary.rows:,} rows {verb} in {seconds:.1f} s{rate}")
        for name, count in [*summary.counts.items(), ("rejected", summary.rejected)]:
            self.stdout.write(f"  {name.replace('_', ' '):<20}{count:>12,}")
        for example in summary.examples:
            self.stdout.write(f"  line {example}")
        if rejects:
            self.stdout.write(f"Rejected rows, with reasons: {rejects}")
        if summary.ignored_columns:
            self.stdout.write(f"Columns left aside: {', '.join(summary.ignored_columns)}")
        if summary.dry_run:
            self.stdout.write("Nothing was written: this was a dry run.")
        if summary.interrupted:
            self.stdout.write("Stopped. What was read so far is stored; run the same command again for the rest.")

    @contextmanager
    def _bar(self, options: Mapping[str, Any]) -> Iterator[Any]:
        """A progress bar on a terminal, otherwise silence."""
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, disable=options["json"] or not console.is_terminal) as bar:
            task = bar.add_task(options["file"].name, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def _interruptible() -> Iterator[Any]:
    """Ctrl-C asks for an end after the running chunk; a second one ends at once, taking that chunk back."""
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)
