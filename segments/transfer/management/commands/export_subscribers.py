"""Export people to a CSV or NDJSON file."""

from __future__ import annotations

import json
import stat
from argparse import RawDescriptionHelpFormatter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from personalize.core import clock
from segments.segmentation.models import Segment
from segments.segmentation.rules.parse import RuleError
from segments.segmentation.services import audience
from segments.subscribers.models import StaticList, Subscriber
from segments.transfer.exports import Format, UnknownColumn, available, chosen, export_people


class Command(BaseCommand):
    help = "Export people to a CSV or NDJSON file: everyone, the people of a segment, or those on a static list."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(
            prog_name,
            subcommand,
            epilog="Columns: those of the person, such as email and first_name, then attributes.KEY, topics.KEY and\n"
            "external_ids.SOURCE. A name that is not known is answered with all there are.",
            **kwargs,
        )
        parser.formatter_class = RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="where to write; it is replaced when the export is whole")
        whom = parser.add_mutually_exclusive_group()
        whom.add_argument("--segment", metavar="NAME", help="only the people this segment means now")
        whom.add_argument("--list", metavar="NAME", help="only the people on this static list")
        parser.add_argument("--format", choices=[one.value for one in Format], default=Format.CSV.value)
        parser.add_argument("--columns", metavar="A,B", help="the columns, in this order (default: all there are)")
        parser.add_argument("--json", action="store_true", help="print what was done as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        people, of = _whom(options)
        try:
            columns = chosen(options["columns"].split(",")) if options["columns"] else available()
        except UnknownColumn as error:
            raise CommandError(str(error)) from error
        half = path.with_name(f"{path.name}.part")
        done = 0
        try:
            with half.open("w", encoding="utf-8", newline="") as file, self._bar(options, people.count()) as bar:
                half.chmod(stat.S_IRUSR | stat.S_IWUSR)  # People are the business of nobody else on this machine.
                task = bar.tasks[0].id

                def count(exported: int) -> None:
                    nonlocal done
                    done = exported
                    bar.update(task, completed=done)

                format = Format(options["format"])
                for piece in export_people(
                    people=people, columns=columns, format=format, actor="command", of=of, progress=count
                ):
                    file.write(piece)
            half.replace(path)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror or error}.") from error
        finally:
            half.unlink(missing_ok=True)
        if options["json"]:
            self.stdout.write(json.dumps({"file": str(path), "people": done, "columns": [one.key for one in columns]}))
        else:
            self.stdout.write(f"{done:,} people, {len(columns)} columns: {path}")

    def _bar(self, options: Mapping[str, Any], total: int) -> Progress:
        """A progress bar on a terminal, otherwise silence."""
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        bar = Progress(*columns, console=console, disable=options["json"] or not console.is_terminal)
        bar.add_task(options["file"].name, total=total)
        return bar


def _whom(options: Mapping[str, Any]) -> tuple[QuerySet[Subscriber], str]:
    """The people, and in words who they are."""
    if name := options["segment"]:
        segment = Segment.objects.filter(name=name).first()
        if segment is None:
            raise CommandError(f"There is no segment called {name!r}.")
        try:
            return audience(rule=segment.meaning, as_of=clock.now()), f"segment {name}"
        except RuleError as error:
            raise CommandError(f"The segment {name!r} cannot be used: {error}") from error
    if name := options["list"]:
        if not StaticList.objects.filter(name=name).exists():
            raise CommandError(f"There is no list called {name!r}.")
        return Subscriber.objects.filter(list_memberships__list__name=name), f"list {name}"
    return Subscriber.objects.all(), "everyone"
