"""Makes a draft of an exported automation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from campaigns.automations.management.base import told
from campaigns.automations.models import Automation
from campaigns.automations.portable import imported
from campaigns.automations.services import problems_of


class Command(BaseCommand):
    help = (
        "Makes a draft of an automation that export_automation wrote, with the templates that are not here yet."
        " Nothing is made when the document is wrong; with --dry-run nothing is made at all. It does not go live by itself."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="The JSON document.")
        parser.add_argument("--name", default="", help="Another name for it.")
        parser.add_argument("--dry-run", action="store_true", help="Only tell what would be made.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object and nothing else.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            document = json.loads(options["file"].read_text())
        except (OSError, ValueError) as error:
            raise CommandError(f"{options['file']} cannot be read as JSON: {error}") from error
        with transaction.atomic():
            made = imported(document, actor="command", name=options["name"])
            if not isinstance(made, Automation):
                raise CommandError("Nothing was made:\n" + told(made))
            left = problems_of(made)
            transaction.set_rollback(options["dry_run"])
        facts = {
            "automation": made.name,
            "uuid": str(made.uuid),
            "before_it_can_be_published": [p.message for p in left],
        }
        said = f"‘{made.name}’ {'would be' if options['dry_run'] else 'is'} a draft."
        if left:
            said += " Before it can be published:\n" + told(left)
        self.stdout.write(json.dumps(facts, ensure_ascii=False) if options["json"] else said)
