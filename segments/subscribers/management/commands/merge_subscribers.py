"""Makes one person of two."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from segments.subscribers.management.base import PersonCommand
from segments.subscribers.merging import DUPLICATE, consequences, differences, merge_subscribers
from segments.subscribers.models import Merge
from segments.subscribers.types import Refusal


class Command(PersonCommand):
    help = (
        "Makes one person of two rows: the first remains, the second is gone, and everything about it moves. Where both"
        " have a value the first's stays, gaps are filled, and of what both said about consent the stricter holds. It"
        " cannot be undone. Exits with 1 when one of them is not there."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("duplicate", help="The mail address or UUID of the row that goes.")
        parser.add_argument(
            "--prefer",
            action="append",
            default=[],
            metavar="FIELD",
            help="Keep the second's value of this field; may be given several times. --dry-run lists the fields.",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Say what would be kept and moved, and merge nothing."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        survivor, duplicate = self.present(options["person"]), self.present(options["duplicate"])
        prefer = dict.fromkeys(options["prefer"], DUPLICATE)
        differing = differences(survivor, duplicate)
        if unknown := prefer.keys() - {one.field for one in differing}:
            raise CommandError(f"They do not differ in {', '.join(sorted(unknown))}.")
        moves = consequences(duplicate)
        merge: Merge | None = None
        if not options["dry_run"]:
            merged = merge_subscribers(survivor=survivor, duplicate=duplicate, actor="command", prefer=prefer)
            if isinstance(merged, Refusal):
                raise CommandError(f"Not merged: {merged}.")
            merge = merged
        kept = [one.settled(prefer.get(one.field, one.default)) for one in differing]
        facts = {
            "merged": merge is not None,
            "merge": str(merge.uuid) if merge else None,
            "values": kept,
            "moves": {str(label): count for label, count in moves},
        }
        lines = ["Merged:" if merge else "This is what a merge would do:"]
        for value in kept:
            lines.append(
                f"  {value['field']}: {value['kept']}" + (f" (not {value['gave_way']})" if value["gave_way"] else "")
            )
        lines += [f"{count:>8,}  {label}" for label, count in moves]
        self.answer(options, facts, "\n".join(lines))
