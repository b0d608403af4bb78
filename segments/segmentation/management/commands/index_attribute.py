"""Builds, drops and lists the indexes of attributes."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from segments.segmentation import indexes
from segments.subscribers.models import AttributeDefinition


class Command(BaseCommand):
    help = (
        "Build an index for an attribute that segments often ask about, so that they find its people without reading "
        "everybody. Without a key, list the indexes there are."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key", nargs="?", help="key of the attribute")
        parser.add_argument("--drop", action="store_true", help="drop its index instead")
        parser.add_argument("--dry-run", action="store_true", help="print the statements and run none")
        parser.add_argument("--json", action="store_true", help="answer as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        key = options["key"]
        if not key:
            if options["drop"]:
                raise CommandError("Name the attribute whose index is to be dropped.")
            self._list(as_json=options["json"])
            return
        statements = self._drops(key) if options["drop"] else self._builds(key)
        if not options["dry_run"]:
            for sql in statements:
                indexes.run(sql)
        if options["json"]:
            self.stdout.write(json.dumps({"attribute": key, "ran": not options["dry_run"], "statements": statements}))
        elif options["dry_run"]:
            self.stdout.write("\n".join(f"{sql};" for sql in statements) or "Nothing to do.")
        else:
            self.stdout.write(self._done(key, bool(statements), dropped=options["drop"]))

    def _builds(self, key: str) -> list[str]:
        definition = AttributeDefinition.objects.filter(key=key).first()
        if definition is None:
            raise CommandError(f"There is no attribute {key!r}.")
        if not indexes.indexable(definition):
            raise CommandError(
                f"{key!r} holds several values of a list; rules search through them, and no index helps."
            )
        mine = [one for one in indexes.built() if indexes.key_of(one.name) == key]
        name = indexes.name_of(definition)
        if any(one.name == name and one.usable for one in mine):
            return []
        # What is left of another type, or of a build that was cut off, is of no use to anybody.
        return [*(indexes.drop_sql(one.name) for one in mine), indexes.create_sql(definition)]

    def _drops(self, key: str) -> list[str]:
        mine = [indexes.drop_sql(one.name) for one in indexes.built() if indexes.key_of(one.name) == key]
        if not mine:
            raise CommandError(f"There is no index for {key!r}.")
        return mine

    def _done(self, key: str, changed: bool, *, dropped: bool) -> str:
        if dropped:
            return f"Dropped the index for {key}."
        return f"Built the index for {key}." if changed else f"The index for {key} is there already."

    def _list(self, *, as_json: bool) -> None:
        wanted = {indexes.name_of(one) for one in AttributeDefinition.objects.all()}
        found = [
            {
                "attribute": indexes.key_of(one.name),
                "index": one.name,
                "usable": one.usable and one.name in wanted,
                "bytes": one.size,
            }
            for one in indexes.built()
        ]
        if as_json:
            self.stdout.write(json.dumps(found))
            return
        for row in found:
            size = f"{row['bytes']:,} bytes" if row["bytes"] is not None else "size not told"
            state = "usable" if row["usable"] else "of no use: build it again or drop it"
            self.stdout.write(f"{row['attribute']}  {row['index']}  {size}  {state}")
        if not found:
            self.stdout.write("No attribute has an index.")
