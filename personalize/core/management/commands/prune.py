"""Removes what is older than it may be kept."""

from __future__ import annotations

import json
import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from personalize.core import registries, retention

INTERRUPTED = 130


class Command(BaseCommand):
    help = (
        "Removes what is older than it may be kept, kind by kind. Workers do the same once a day. It works in slices: after"
        " Ctrl-C what is removed stays removed, and the next time goes on from there. Exits with 130 when it was stopped."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--kind", action="append", default=[], help="Only this kind; may be given several times. Default: all."
        )
        parser.add_argument("--dry-run", action="store_true", help="Say what is too old and remove nothing.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object and nothing else.")

    def handle(self, *args: Any, **options: Any) -> None:
        known = [entry.key for entry in registries.retention]
        if unknown := [kind for kind in options["kind"] if kind not in known]:
            raise CommandError(f"There is no kind {', '.join(unknown)}. There are: {', '.join(known)}.")
        self.stopped = False
        found = [(entry, before, entry.count(before)) for entry, before in retention.limits(options["kind"])]
        pruned = {entry.key: 0 for entry, _before, _count in found}
        if not options["dry_run"]:
            before_us = signal.signal(signal.SIGINT, lambda *_: setattr(self, "stopped", True))
            try:
                self._prune(found, pruned, quiet=options["json"])
            finally:
                signal.signal(signal.SIGINT, before_us)
        if options["json"]:
            facts = {
                entry.key: {"before": before.isoformat(), "found": count, "pruned": pruned[entry.key]}
                for entry, before, count in found
            }
            self.stdout.write(json.dumps(facts))
        else:
            for entry, before, count in found:
                done = f"{count:>10,} too old" if options["dry_run"] else f"{pruned[entry.key]:>10,}"
                self.stdout.write(f"{done}  {entry.key}: {entry.label}, before {before:%Y-%m-%d %H:%M}, {entry.fate}")
            for entry in registries.retention:
                if retention.days_of(entry) is None and (not options["kind"] or entry.key in options["kind"]):
                    self.stdout.write(f"{'for ever':>10}  {entry.key}: {entry.label}")
        if self.stopped:
            raise SystemExit(INTERRUPTED)

    def _prune(self, found: list[Any], pruned: dict[str, int], *, quiet: bool) -> None:
        """Remove slice after slice until there is none, or Ctrl-C."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True, quiet=quiet)) as bars:
            for entry, before, count in found:
                if not count:
                    continue
                bar = bars.add_task(str(entry.label), total=count)
                while not self.stopped and (done := entry.prune(before)):
                    pruned[entry.key] += done
                    bars.update(bar, completed=pruned[entry.key])
