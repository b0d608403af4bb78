"""How commands are told which rule they are about: a stored segment, or a rule as JSON, at an instant."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from contextlib import suppress
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db.models import Q

from personalize.core import clock
from segments.segmentation import services
from segments.segmentation.models import Segment
from segments.segmentation.rules.nodes import Node
from segments.segmentation.rules.parse import RuleError, parse
from segments.segmentation.rules.reading import moment


def add_arguments(parser: CommandParser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("segment", nargs="?", help="name or id of a segment")
    which.add_argument("--rule", help="rule JSON, version 1")
    parser.add_argument("--as-of", help="date or time up to which orders and events count; now when left out")
    parser.add_argument("--json", action="store_true", help="answer as JSON")


def read(options: dict[str, Any]) -> tuple[Node, dt.datetime]:
    """The rule that is meant, and the instant; CommandError says what is wrong with either."""
    try:
        rule = _read(options["rule"]) if options["rule"] else services.meaning(_segment(options["segment"]))
        return parse(rule), moment(options["as_of"], "--as-of") if options["as_of"] else clock.now()
    except RuleError as error:
        raise CommandError(str(error)) from error


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
