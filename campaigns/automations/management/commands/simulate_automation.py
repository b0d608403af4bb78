"""Tells what an automation would have done in the last weeks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from campaigns.automations import simulation
from campaigns.automations.definition import read
from campaigns.automations.management.base import AutomationCommand, told
from campaigns.automations.models import Automation
from campaigns.automations.nodes import Definition
from campaigns.automations.replay.report import Report
from personalize.core.clock import now
from segments.segmentation.rules.reading import RuleError, moment
from segments.subscribers.models import Subscriber

DAYS = 30


class Command(AutomationCommand):
    help = (
        "Replays stored events and dates through an automation and tells who would have come in, what they would have got and"
        " when, and why others would not. Writes nothing. Exits with 1 when nobody would have come in."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        # Django's own --version gives way: here it names what is simulated.
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--version", default="", help="The number of a published version, or draft; what is live when left out."
        )
        parser.add_argument("--since", help=f"Where it begins, a date or an instant; {DAYS} days before the end.")
        parser.add_argument("--until", help="Where it ends; now when left out.")
        parser.add_argument("--person", help="Only the person with this mail address, told step by step.")

    def handle(self, *args: Any, **options: Any) -> None:
        automation = self.find(options["automation"])
        definition = self._definition(automation, options["version"])
        until = _instant(options["until"], "--until") or now()
        since = _instant(options["since"], "--since") or until - dt.timedelta(days=DAYS)
        if since >= until:
            raise CommandError("It would end before it begins.")
        person = _person(options["person"])
        with _bar(quiet=options["json"]) as progress:
            try:
                report = simulation.simulate(
                    definition=definition,
                    automation=automation,
                    since=since,
                    until=until,
                    people=Subscriber.objects.filter(pk=person.pk) if person else None,
                    follow=person.pk if person else None,
                    progress=progress,
                )
            except RuleError as error:
                raise CommandError(f"A rule cannot be asked: {error}") from error
        self.answer(options, report.as_json(), _words(automation, report))
        if not report.entered:
            raise SystemExit(1)

    def _definition(self, automation: Automation, which: str) -> Definition:
        if which and which != "draft" and not which.isdigit():
            raise CommandError("--version is the number of a published version, or draft.")
        if which.isdigit():
            raw = self.version(automation, int(which)).definition
        else:
            raw = automation.live.definition if automation.live and which != "draft" else automation.draft
        found = read(raw)
        if not isinstance(found, Definition):
            raise CommandError(f"‘{automation.name}’ cannot be simulated:\n{told(found)}")
        return found


def _instant(text: str | None, option: str) -> dt.datetime | None:
    try:
        return moment(text, option) if text else None
    except RuleError as error:
        raise CommandError(str(error)) from error


def _person(address: str | None) -> Subscriber | None:
    if not address:
        return None
    found = Subscriber.objects.present().filter(email__iexact=address).first()
    if found is None:
        raise CommandError(f"There is nobody with the address {address}.")
    return found


@contextmanager
def _bar(*, quiet: bool) -> Iterator[simulation.Progress]:
    """A bar on standard error."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True, quiet=quiet)) as bars:
        bar = bars.add_task("events", total=1.0)
        yield lambda share, events: bars.update(bar, completed=share, description=f"{events:,} events")


def _words(automation: Automation, report: Report) -> str:
    lines = [
        f"‘{automation.name}’ from {report.since:%Y-%m-%d %H:%M} to {report.until:%Y-%m-%d %H:%M} UTC,"
        f" {report.events:,} events.",
        f"  {report.entered:,} entries of {report.people:,} people, {report.done:,} came to the end,"
        f" {report.still:,} are still in it.",
    ]
    lines += _counts("Left because", report.exits) + _counts("Left out because", report.left_out)
    for mail in report.mails:
        lines.append(
            f"  {mail.name or mail.step}: {mail.mailed:,} mails, {mail.ordered_first:,} ordered before its time,"
            f" {mail.near_others:,} within a day of another mail."
        )
        lines += _counts("  not sent because", mail.skipped)
    lines += _counts("Mailings nearby", report.others)
    if report.mailed:
        busiest = max(range(24), key=lambda hour: report.hours[hour])
        lines.append(f"  Most mails come between {busiest:02}:00 and {(busiest + 1) % 24:02}:00 where people live.")
    for one in report.told:
        detail = "".join(f", {key} {value}" for key, value in one.detail.items())
        lines.append(f"  {one.at:%Y-%m-%d %H:%M:%S}  {one.kind:<9} {one.step:<14} {one.what}{detail}".rstrip())
    return "\n".join([*lines, *(f"  * {note}" for note in report.notes)])


def _counts(label: str, counts: Any) -> list[str]:
    if not counts:
        return []
    return [f"  {label}: " + ", ".join(f"{word} {number:,}" for word, number in counts.items())]
