"""Asks about everybody anew, segment by segment."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from personalize.core import clock
from segments.segmentation import membership
from segments.segmentation.management.naming import segment_called
from segments.segmentation.models import Segment, SegmentMode, SegmentSnapshot
from segments.segmentation.rules.parse import RuleError
from segments.segmentation.rules.reading import moment

SOME_FAILED = 1
INTERRUPTED = 130


class Command(BaseCommand):
    help = (
        "Ask about everybody anew: take snapshots, make sure of kept segments, count live ones. Without names it says which "
        "segments there are and when each was last asked. It may be stopped at any time; what is done stays done, and it "
        "says where to go on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("segments", nargs="*", metavar="NAME", help="names or ids of segments")
        parser.add_argument("--all", action="store_true", help="all segments, in the order of their names")
        parser.add_argument("--as-of", help="date or time up to which dated facts count; for snapshots and dry runs")
        parser.add_argument(
            "--dry-run", action="store_true", help="say how many would join and leave, and write nothing"
        )
        parser.add_argument("--json", action="store_true", help="answer as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["segments"] and options["all"]:
            raise CommandError("Name segments or say --all, not both.")
        wanted = self._wanted(options)
        if not options["segments"] and not options["all"]:
            self._list(wanted, as_json=options["json"])
            return
        at = self._instant(options, wanted)
        results, interrupted = self._recompute(wanted, at, dry_run=options["dry_run"], quiet=options["json"])
        self._tell(results, as_json=options["json"])
        if interrupted:
            left = [segment.name for segment in wanted[len(results) :]]
            self.stderr.write(f"Stopped; go on with: recompute_segments {' '.join(map(json.dumps, left))}")
            raise SystemExit(INTERRUPTED)
        if any("error" in result for result in results):
            raise SystemExit(SOME_FAILED)

    def _wanted(self, options: dict[str, Any]) -> list[Segment]:
        if options["segments"]:
            return [segment_called(name) for name in options["segments"]]
        return list(Segment.objects.order_by("name"))

    def _instant(self, options: dict[str, Any], wanted: list[Segment]) -> dt.datetime:
        if not options["as_of"]:
            return clock.now()
        try:
            at = moment(options["as_of"], "--as-of")
        except RuleError as error:
            raise CommandError(str(error)) from error
        kept = set(SegmentSnapshot.objects.filter(kept=True).values_list("segment_id", flat=True))
        for segment in [] if options["dry_run"] else wanted:
            if segment.pk in kept or segment.mode != SegmentMode.SNAPSHOT:
                raise CommandError(f"{segment.name!r} is always as of now; --as-of is for snapshots and dry runs.")
        return at

    def _recompute(
        self, wanted: list[Segment], at: dt.datetime, *, dry_run: bool, quiet: bool
    ) -> tuple[list[dict[str, Any]], bool]:
        """What became of each segment until the end, or until somebody stopped it."""
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        results: list[dict[str, Any]] = []
        with Progress(*columns, console=console, disable=quiet or not console.is_terminal) as bars:
            bar = bars.add_task("Segments", total=len(wanted))
            try:
                if not dry_run:
                    # Or else what waits to be swept would seem to have been missed.
                    while membership.sweep(at):
                        pass
                for segment in wanted:
                    bars.update(bar, description=segment.name)
                    step = membership.foresee if dry_run else membership.take
                    taken = step(segment=segment, at=at)
                    if isinstance(taken, membership.Taken):
                        seconds = round(taken.seconds, 3)
                        figures = {"people": taken.people, "joined": taken.joined, "left": taken.left}
                        results.append({"segment": segment.name, **figures, "seconds": seconds})
                    else:
                        results.append({"segment": segment.name, "error": str(taken)})
                    bars.advance(bar)
            except KeyboardInterrupt:
                return results, True
        return results, False

    def _tell(self, results: list[dict[str, Any]], *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(results))
            return
        for result in results:
            if "error" in result:
                self.stderr.write(f"{result['segment']}: {result['error']}")
            else:
                figures = "{people:>12,} people  {joined:+,} −{left:,}  {seconds:.1f} s".format(**result)
                self.stdout.write(f"{result['segment']:<40}{figures}")

    def _list(self, segments: list[Segment], *, as_json: bool) -> None:
        known = {one.segment_id: one for one in SegmentSnapshot.objects.all()}
        rows = [self._row(segment, known.get(segment.pk, SegmentSnapshot())) for segment in segments]
        if as_json:
            self.stdout.write(json.dumps(rows))
            return
        for row in rows:
            people = f"{row['people']:,} people" if row["people"] is not None else "not counted yet"
            mode = f"{row['mode']}, kept" if row["kept"] and row["mode"] != SegmentMode.INCREMENTAL else row["mode"]
            self.stdout.write(f"{row['segment']:<40}{mode:<16}{people:>20}  {row['counted_at'] or ''}")

    def _row(self, segment: Segment, snapshot: SegmentSnapshot) -> dict[str, Any]:
        return {
            "segment": segment.name,
            "mode": segment.mode,
            "kept": snapshot.kept,
            "people": snapshot.people,
            "counted_at": snapshot.counted_at.isoformat() if snapshot.counted_at else None,
            "took_ms": snapshot.took_ms,
        }
