"""Erases a person."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from segments.subscribers.management.base import PersonCommand
from segments.subscribers.rights import erase_subscriber, foresee


class Command(PersonCommand):
    help = (
        "Erases a person for good: what is known of them is deleted or emptied, waiting mails are not sent, and the keyed"
        " hash of the address stays, so that nothing brings them back. A second time changes nothing. Exits with 1 when"
        " nobody has the address."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--dry-run", action="store_true", help="List every kind of row with its number and fate, and erase nothing."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        person = self.find(options["person"])
        if person.erased_at is not None:
            sentence = f"The person was erased on {person.erased_at:%Y-%m-%d} already."
            self.answer(options, {"erased": False, "already": True}, sentence)
            return
        fates = foresee(person)
        if not options["dry_run"]:
            erase_subscriber(subscriber=person, actor="command")
        facts = {
            "erased": not options["dry_run"],
            "rows": [
                {"model": one.model, "label": str(one.label), "count": one.count, "fate": str(one.fate)}
                for one in fates
            ],
        }
        lines = [f"{one.count:>8,}  {one.label}: {one.fate}" for one in fates]
        head = "This is what an erasure would touch:" if options["dry_run"] else "The person was erased:"
        self.answer(options, facts, "\n".join([head, *lines]))
