"""Shows what a segment or a rule costs the database, and what would make it cheaper."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from segments.segmentation import counting
from segments.segmentation.cost import Cost, cost_of
from segments.segmentation.management import asked


class Command(BaseCommand):
    help = (
        "Show the sentence of a segment, by its name or id, or of a rule given as JSON, its SQL, how the database means to "
        "run it, what that costs, and which index would help. Nothing is run but what --count asks for."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        asked.add_arguments(parser)
        parser.add_argument("--count", action="store_true", help="also count the people, and say how long it took")

    def handle(self, *args: Any, **options: Any) -> None:
        node, as_of = asked.read(options)
        cost = cost_of(node, as_of=as_of)
        counted = counting.count_within(node=node, as_of=as_of, seconds=60) if options["count"] else None
        if options["json"]:
            self.stdout.write(json.dumps(asdict(cost) | ({"counted": asdict(counted)} if counted else {})))
            return
        self._tell(cost)
        if counted:
            about = "" if counted.exact else "about "
            self.stdout.write(f"\n{about}{counted.people:,} people, counted in {counted.seconds:.2f} s")

    def _tell(self, cost: Cost) -> None:
        self.stdout.write(f"{cost.sentence}\n\n{cost.sql}\n\n{cost.plan}")
        if cost.cost is not None:
            self.stdout.write(f"\nCost {cost.cost:,.0f}, about {cost.rows:,} people as the planner guesses. By itself:")
            for leaf in sorted(cost.leaves, key=lambda leaf: leaf.cost or 0, reverse=True):
                self.stdout.write(f"  {leaf.cost:>12,.0f}  {leaf.rows:>12,}  {leaf.words}")
        for suggestion in cost.suggestions:
            self.stdout.write(f"\n{suggestion.reason}\n  {suggestion.command}")
        if not cost.suggestions:
            self.stdout.write("\nNo index on an attribute would help.")
