"""Says how many people a segment or a rule means."""

from __future__ import annotations

import json
import uuid
from contextlib import suppress
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q

from personalize.core import clock
from segments.segmentation import services
from segments.segmentation.models import Segment
from segments.segmentation.rules.parse import RuleError, parse
from segments.segmentation.rules.reading import moment
from segments.segmentation.rules.sentence import sentence


class Command(BaseCommand):
    help = "Say how many people a segment means, by its name or id, or a rule given as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("segment", nargs="?", help="name or id of a segment")
        which.add_argument("--rule", help="rule JSON, version 1")
        parser.add_argument("--as-of", help="date or time up to which orders count; now when left out")
        parser.add_argument("--json", action="store_true", help="answer as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            rule = _read(options["rule"]) if options["rule"] else services.meaning(_segment(options["segment"]))
            as_of = moment(options["as_of"], "--as-of") if options["as_of"] else clock.now()
            words, people = sentence(parse(rule)), services.count(rule=rule, as_of=as_of)
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


def _segment(name: str) -> Segment:
    wanted = Q(name=name)
    with suppress(ValueError):  # What is no id can only be a name.
        wanted |= Q(uuid=uuid.UUID(name))
    segment = Segment.objects.filter(wanted).first()
    if segment is None:
        raise CommandError(f"There is no segment called {name!r}.")
    return segment
