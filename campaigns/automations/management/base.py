"""What the automation commands share: naming an automation, and telling in JSON or words."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from campaigns.automations.models import Automation, AutomationVersion
from campaigns.automations.types import Problem


class AutomationCommand(BaseCommand):
    """A command about one automation, named by its name or its UUID."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("automation", help="The automation's name or UUID.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object and nothing else.")

    def find(self, wanted: str) -> Automation:
        """The automation that is meant; refuses with the names there are when there is none such."""
        automations = Automation.objects.select_related("live", "topic")
        found = automations.filter(name=wanted).first()
        if found is None and (uuid := _uuid(wanted)) is not None:
            found = automations.filter(uuid=uuid).first()
        if found is None:
            names = ", ".join(f"‘{name}’" for name in Automation.objects.values_list("name", flat=True)[:10])
            raise CommandError(f"There is no automation ‘{wanted}’. There are: {names or 'none'}.")
        return found

    def version(self, automation: Automation, number: int) -> AutomationVersion:
        """The published version of this number; refuses with the last one when there is none such."""
        found = automation.versions.filter(number=number).first()
        if found is None:
            last = automation.versions.first()
            raise CommandError(
                f"There is no version {number}; the last one is {last.number if last else 'not published'}."
            )
        return found

    def answer(self, options: dict[str, Any], facts: Any, sentence: str) -> None:
        """Print ``facts`` as JSON or ``sentence`` for people."""
        self.stdout.write(json.dumps(facts, ensure_ascii=False) if options["json"] else sentence)


def told(problems: list[Problem]) -> str:
    """Problems as lines, each with its place."""
    return "\n".join(f"  {problem.step or 'automation'}, {problem.field}: {problem.message}" for problem in problems)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
