"""Says how many people a segment or a rule means."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from segments.segmentation import counting
from segments.segmentation.management import asked
from segments.segmentation.rules.sentence import sentence


class Command(BaseCommand):
    help = "Say how many people a segment means, by its name or id, or a rule given as JSON. Of a snapshot it is how many were in it when it was taken."

    def add_arguments(self, parser: CommandParser) -> None:
        asked.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        node, as_of = asked.read(options)
        words, people = sentence(node), counting.count(node=node, as_of=as_of)
        if options["json"]:
            self.stdout.write(json.dumps({"people": people, "as_of": as_of.isoformat(), "sentence": words}))
        else:
            self.stdout.write(f"{people:,}  {words}")
