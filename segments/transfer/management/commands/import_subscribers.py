"""Import people from a CSV file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from segments.consent.models import Topic
from segments.transfer.engine import RELEASED
from segments.transfer.fields import SUBSCRIBER_FIELDS
from segments.transfer.management.base import ImportCommand
from segments.transfer.types import Unusable


class Command(ImportCommand):
    help = "Import people from a CSV file, one a row. The same file twice changes nothing."
    kind = "subscribers"
    fields = SUBSCRIBER_FIELDS
    notes = "  attributes.KEY  a defined attribute\n"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--topic", metavar="KEY", help="join the people to this topic")
        parser.add_argument(
            "--basis",
            default="",
            metavar="TEXT",
            help="the legal ground of joining them, kept as proof; without it they wait for confirmation",
        )

        parser.add_argument(
            "--wording", default="", metavar="TEXT", help="the words people agreed to, kept as proof as well"
        )
        parser.add_argument(
            "--reviewed", action="store_true", help="import although the file looks like a list that was bought"
        )

    def settings_of(self, options: Mapping[str, Any]) -> dict[str, Any]:
        topic = None
        if options["topic"]:
            topic = Topic.objects.filter(key=options["topic"]).first()
            if topic is None:
                known = ", ".join(Topic.objects.values_list("key", flat=True)) or "none yet"
                raise Unusable(f"There is no topic “{options['topic']}”; there are: {known}.")
        elif options["basis"]:
            raise Unusable("--basis is the ground of joining a topic; name it with --topic.")
        return {
            "topic": topic,
            "basis": options["basis"],
            "wording": options["wording"],
            "options": {RELEASED: True} if options["reviewed"] else {},
        }
