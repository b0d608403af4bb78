"""Makes an API key without the dashboard."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.dateparse import parse_date, parse_datetime

from personalize.accounts.keys import SCOPES
from personalize.accounts.services import issue_api_key
from personalize.accounts.types import BadKey


class Command(BaseCommand):
    help = (
        "Makes an API key and prints it, this once; only its hash is kept. Exits with 1 when something given is wrong."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="What the key is called: the system that will hold it.")
        parser.add_argument(
            "--scope",
            action="append",
            required=True,
            choices=list(SCOPES),
            metavar="SCOPE",
            help=f"What it may do; give it several times for several. There are: {', '.join(SCOPES)}.",
        )
        parser.add_argument("--source", default="shop", help="Under which name the ids it sends are filed (shop).")
        parser.add_argument(
            "--expires", type=_moment, help="The day or instant it ends, such as 2027-01-31; without, it never does."
        )
        parser.add_argument(
            "--per-minute", type=int, default=6000, help="How many requests a minute it may make (6000)."
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON object and nothing else.")

    def handle(self, *args: Any, **options: Any) -> None:
        issued = issue_api_key(
            name=options["name"],
            scopes=options["scope"],
            source=options["source"],
            expires_at=options["expires"],
            per_minute=options["per_minute"],
            actor="command",
        )
        if isinstance(issued, BadKey):
            raise CommandError(f"{issued.field}: {issued.reason}")
        if options["json"]:
            facts = {"name": issued.key.name, "prefix": issued.key.prefix, "key": issued.secret}
            self.stdout.write(json.dumps(facts | {"scopes": issued.key.scopes, "source": issued.key.source}))
        else:
            self.stdout.write(f"{issued.secret}\nKeep it now: it is not shown again.")


def _moment(text: str) -> dt.datetime:
    """An instant or a day, in UTC where it names no zone. Raises ValueError."""
    day = parse_date(text) if len(text) == 10 else None
    at = dt.datetime.combine(day, dt.time()) if day else parse_datetime(text)
    if at is None:
        raise ValueError(f"{text} is neither a day nor an instant.")
    return at if at.tzinfo else at.replace(tzinfo=dt.UTC)
