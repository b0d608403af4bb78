"""Takes people out of an automation."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from campaigns.automations.leaving import take_out
from campaigns.automations.management.base import AutomationCommand


class Command(AutomationCommand):
    help = (
        "Takes people out of an automation for good; their mails that were not handed over yet are withdrawn."
        " With --dry-run it only tells how many they are. Exits with 1 when nobody is meant."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--person", help="Only the person with this mail address.")
        parser.add_argument("--step", help="Only who is at the step of this id.")
        parser.add_argument("--published", dest="number", type=int, help="Only who is on the version of this number.")
        parser.add_argument("--all", action="store_true", help="Everybody who is in it.")
        parser.add_argument("--dry-run", action="store_true", help="Change nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        automation = self.find(options["automation"])
        narrowed = {
            "subscriber__email": options["person"],
            "step": options["step"],
            "version": self.version(automation, options["number"]) if options["number"] else None,
        }
        narrowed = {name: value for name, value in narrowed.items() if value}
        if bool(narrowed) == options["all"]:
            raise CommandError("Say who is meant: --person, --step or --published, or --all for everybody.")
        people = automation.enrolments.filter(ended_at__isnull=True, **narrowed)
        number = people.count()
        if number and not options["dry_run"]:
            number = take_out(enrolments=people, actor="command")
        done = "would be taken out" if options["dry_run"] else "were taken out"
        self.answer(options, {"taken_out": number, "dry_run": options["dry_run"]}, f"{number:,} people {done}.")
        if not number:
            raise SystemExit(1)
