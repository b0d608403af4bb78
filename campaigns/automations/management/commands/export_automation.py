"""Writes an automation as one JSON document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from campaigns.automations.management.base import AutomationCommand
from campaigns.automations.portable import exported


class Command(AutomationCommand):
    help = "Writes an automation with the templates of its mails as one JSON document, for import_automation elsewhere."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("automation", help="The automation's name or UUID.")
        parser.add_argument("--published", dest="number", type=int, help="A published version; the draft without it.")
        parser.add_argument("--to", type=Path, help="The file to write; standard output without it.")

    def handle(self, *args: Any, **options: Any) -> None:
        automation = self.find(options["automation"])
        number = options["number"]
        definition = self.version(automation, number).definition if number else automation.draft
        document = json.dumps(exported(automation, definition), ensure_ascii=False, indent=1)
        if options["to"]:
            options["to"].write_text(document + "\n")
            self.stdout.write(f"‘{automation.name}’ is in {options['to']}.")
        else:
            self.stdout.write(document)
