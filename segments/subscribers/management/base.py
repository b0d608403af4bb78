"""What the commands about one person share: naming the person."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from personalize.core.addresses import BadAddress, address_key, normalise
from segments.subscribers.models import Subscriber


class PersonCommand(BaseCommand):
    """A command about people, each named by address or by UUID."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", help="The person's mail address or UUID.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object and nothing else.")

    def find(self, wanted: str) -> Subscriber:
        """The person who is meant, also one who was erased. Raises CommandError when there is none."""
        found = Subscriber.objects.filter(**_key(wanted)).first()
        if found is None:
            raise CommandError(f"Nobody here is known as {wanted}.")
        return found

    def present(self, wanted: str) -> Subscriber:
        """The person who is meant. Raises CommandError when there is none, or they were erased."""
        found = self.find(wanted)
        if found.erased_at is not None:
            raise CommandError(f"{wanted} belonged to a person who was erased on {found.erased_at:%Y-%m-%d}.")
        return found

    def answer(self, options: dict[str, Any], facts: dict[str, Any], sentence: str) -> None:
        """Print ``facts`` as JSON or ``sentence`` for people."""
        self.stdout.write(json.dumps(facts, ensure_ascii=False) if options["json"] else sentence)


def _key(wanted: str) -> dict[str, Any]:
    if "@" not in wanted:
        try:
            return {"uuid": uuid.UUID(wanted)}
        except ValueError as error:
            raise CommandError(f"“{wanted}” is neither a mail address nor a UUID.") from error
    try:
        return {"address_key": address_key(normalise(wanted))}
    except BadAddress as error:
        raise CommandError(f"“{wanted}” is no mail address: {error}") from error
