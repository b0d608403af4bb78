"""What the import commands share: arguments, the job, the progress bar, a clean end on Ctrl-C, and the summary."""

from __future__ import annotations

import json
import signal
import time
from argparse import RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from segments.transfer import rejects, services
from segments.transfer.files import Table
from segments.transfer.mapping import parse_map, suggested
from segments.transfer.models import Import, ImportState
from segments.transfer.types import Unusable

UNUSABLE, NOT_DONE, INTERRUPTED = 2, 3, 130
_EXAMPLES = 5
_WAIT_SECONDS = 0.5


class ImportCommand(BaseCommand):
    """A door to one kind of import.

    Ends with 0 when the file was read to its end, 2 when it is unusable, 3 when the import is held or was cancelled, 130
    after Ctrl-C.
    """

    kind = ""
    file_help = "the CSV file, also gzipped, or a spreadsheet (XLSX)"
    fields: Mapping[str, Any] = {}
    notes = ""
    default_source = "shop"

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
        parser.add_argument("file", help=self.file_help)
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="COLUMN=FIELD[:POLICY]",
            help="which column is which field; columns named like a field need no word. The policy says what a value does "
            "to a stored one: set (the default), fill (only where nothing is) or append (to a list of several)",
        )
        parser.add_argument("--source", default=self.default_source, help="the system the file comes from")
        parser.add_argument("--encoding", default="utf-8-sig", help="the file's encoding (default: UTF-8)")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen and write nothing")
        parser.add_argument("--rejects", type=Path, help="where rejected rows go (default: VAR_DIR/imports)")
        parser.add_argument("--json", action="store_true", help="print the summary as JSON")

    def settings_of(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """What this kind of import is told beyond the file and its columns, as ``configure_import`` takes it."""
        return {}

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(options["file"])
        started = time.monotonic()
        try:
            job, header = self._job(path, options)
        except Unusable as error:
            raise CommandError(f"{path.name}: {error}", returncode=UNUSABLE) from error
        try:
            with _interruptible() as stopped, self._bar(options) as progress:
                _run(job, progress, stopped)
            summary = _summary(job, header)
            if job.state in (ImportState.FAILED, ImportState.HELD, ImportState.CANCELLED):
                code = UNUSABLE if job.state == ImportState.FAILED else NOT_DONE
                raise CommandError(f"{path.name}: {job.reason or job.get_state_display()}", returncode=code)
        finally:
            if options["dry_run"]:
                services.forget_import(job=job)
        if job.rejected and not job.dry_run:
            rejected_to = options["rejects"] or settings.VAR / "imports" / f"{path.name}.rejects.csv"
            rejects.write(job, header, rejected_to)
            summary["rejects"] = str(rejected_to)
        summary["seconds"] = round(time.monotonic() - started, 2)
        if options["json"]:
            self.stdout.write(json.dumps(summary))
        else:
            self._tell(summary)
        if summary["interrupted"]:
            raise SystemExit(INTERRUPTED)

    def _job(self, path: Path, options: Mapping[str, Any]) -> tuple[Import, Sequence[str]]:
        """The import and the file's header: one that was left unfinished with the same file and words, or a new one."""
        job = services.create_import(
            kind=self.kind,
            name=path.name,
            path=path,
            actor="command",
            source=options["source"],
            encoding=options["encoding"],
            keep=True,
        )
        try:
            header = Table(Path(job.path), job.encoding).header
            mapped = parse_map(options["map"])
            columns = mapped | suggested(header, services.field_choices(self.kind), mapped)
            refusal = services.configure_import(
                job=job, columns=columns, actor="command", dry_run=options["dry_run"], **self.settings_of(options)
            )
            if refusal is not None:
                raise Unusable(refusal.reason)
        except Unusable:
            services.forget_import(job=job)
            raise
        unfinished = None if options["dry_run"] else services.unfinished_like(job)
        if unfinished is not None:
            services.forget_import(job=job)
        return unfinished or job, header

    def _tell(self, summary: dict[str, Any]) -> None:
        dry, seconds, rows = summary["dry_run"], summary["seconds"], summary["rows"]
        rate = f", {rows / seconds:,.0f} a second" if seconds > 1 else ""
        self.stdout.write(f"{rows:,} rows {'would be read' if dry else 'read'} in {seconds:.1f} s{rate}")
        for name in [*summary["figures"], "rejected"]:
            self.stdout.write(f"  {name.replace('_', ' '):<20}{summary[name]:>12,}")
        for example in summary["examples"]:
            self.stdout.write(f"  line {example}")
        if summary["rejects"]:
            self.stdout.write(f"Rejected rows, with reasons: {summary['rejects']}")
        if summary["ignored_columns"]:
            self.stdout.write(f"Columns left aside: {', '.join(summary['ignored_columns'])}")
        if dry:
            self.stdout.write("Nothing was written: this was a dry run.")
        if summary["interrupted"]:
            self.stdout.write("Stopped. What was read so far is stored; run the same command again for the rest.")

    @contextmanager
    def _bar(self, options: Mapping[str, Any]) -> Iterator[Callable[[int, int], None]]:
        """A progress bar on a terminal, otherwise silence."""
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, disable=options["json"] or not console.is_terminal) as bar:
            task = bar.add_task(Path(options["file"]).name, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)


def _run(job: Import, progress: Callable[[int, int], None], stopped: Callable[[], bool]) -> None:
    """Run it to its end; while another process has it in hand, watch."""
    while services.run_import(job, progress=progress, stopped=stopped).state == ImportState.RUNNING and not stopped():
        progress(job.cursor, job.total or 0)
        time.sleep(_WAIT_SECONDS)


def _summary(job: Import, header: Sequence[str]) -> dict[str, Any]:
    """What the import did, or in a dry run would have done, as plain values."""
    return {
        "dry_run": job.dry_run,
        "rows": job.cursor,
        **job.counts,
        "rejected": job.rejected,
        "figures": sorted(job.counts),
        "examples": [f"{one.line}: {one.reason}" for one in job.rejections.order_by("line", "pk")[:_EXAMPLES]],
        "ignored_columns": [name for name in header if name not in job.columns],
        "interrupted": job.state in (ImportState.PAUSED, ImportState.RUNNING),
        "rejects": "",
    }


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
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
