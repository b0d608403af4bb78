"""Import people from a CSV file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from segments.consent.models import Topic
from segments.transfer.fields import SUBSCRIBER_FIELDS
from segments.transfer.management.base import ImportCommand
from segments.transfer.services import import_subscribers
from segments.transfer.types import Job, Summary, Unusable


class Command(ImportCommand):
    help = "Import people from a CSV file, one a row. The same file twice changes nothing."
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

    def run(self, job: Job, options: Mapping[str, Any]) -> Summary:
        topic = None
        if options["topic"]:
            topic = Topic.objects.filter(key=options["topic"]).first()
            if topic is None:
                known = ", ".join(Topic.objects.values_list("key", flat=True)) or "none yet"
                raise Unusable(f"There is no topic “{options['topic']}”; there are: {known}.")
        elif options["basis"]:
            raise Unusable("--basis is the ground of joining a topic; name it with --topic.")
        return import_subscribers(job=job, topic=topic, basis=options["basis"][:80])
