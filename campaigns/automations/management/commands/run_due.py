"""Does what is due in automations, without a worker."""

from __future__ import annotations

import json
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from campaigns.automations.looking import look
from campaigns.automations.models import StepVisit


class Command(BaseCommand):
    help = (
        "Does what is due in automations as a worker would: matches events, looks for dates, takes people on, makes calls."
        " With --once it ends when nothing is due any more; otherwise it goes on until Ctrl-C."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="End when nothing is due any more.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object at the end and nothing else.")

    def handle(self, *args: Any, **options: Any) -> None:
        before, turns = StepVisit.objects.count(), 0
        try:
            while True:
                if look():
                    turns += 1
                elif options["once"]:
                    break
                else:
                    time.sleep(1)
        except KeyboardInterrupt:
            if options["once"]:
                raise SystemExit(130) from None
        visits = StepVisit.objects.count() - before
        said = (
            f"{visits:,} steps done in {turns:,} turns; nothing is due any more."
            if options["once"]
            else f"{visits:,} steps."
        )
        self.stdout.write(json.dumps({"steps": visits, "turns": turns}) if options["json"] else said)
