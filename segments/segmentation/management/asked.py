"""How commands are told which rule they are about: a stored segment, or a rule as JSON, at an instant."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from personalize.core import clock
from segments.segmentation.management.naming import segment_called
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
        rule = _read(options["rule"]) if options["rule"] else segment_called(options["segment"]).meaning
        return parse(rule), moment(options["as_of"], "--as-of") if options["as_of"] else clock.now()
    except RuleError as error:
        raise CommandError(str(error)) from error


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise CommandError(f"The rule is not JSON: {error}") from error
