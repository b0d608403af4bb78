"""Says how many people a segment or a rule means."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from personalize.core import clock
from segments.segmentation import services
from segments.segmentation.management.naming import segment_called
from segments.segmentation.rules.parse import RuleError, parse
from segments.segmentation.rules.reading import moment
from segments.segmentation.rules.sentence import sentence


class Command(BaseCommand):
    help = "Say how many people a segment means, by its name or id, or a rule given as JSON. Of a snapshot it is how many were in it when it was taken."

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("segment", nargs="?", help="name or id of a segment")
        which.add_argument("--rule", help="rule JSON, version 1")
        parser.add_argument("--as-of", help="date or time up to which orders count; now when left out")
        parser.add_argument("--json", action="store_true", help="answer as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            segment = None if options["rule"] else segment_called(options["segment"])
            rule = segment.rule if segment else _read(options["rule"])
            as_of = moment(options["as_of"], "--as-of") if options["as_of"] else clock.now()
            words = sentence(parse(rule))
            people = services.count(rule=services.meaning(segment) if segment else rule, as_of=as_of)
        except RuleError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps({"people": people, "as_of": as_of.isoformat(), "sentence": words}))
        else:
            self.stdout.write(f"{people:,}  {words}")


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise CommandError(f"The rule is not JSON: {error}") from error
