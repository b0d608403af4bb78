"""Tells how an automation stands."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from campaigns.automations.management.base import AutomationCommand
from campaigns.automations.models import Automation
from campaigns.automations.standing import facts_of
from personalize.core.clock import now


class Command(AutomationCommand):
    help = (
        "Tells how an automation stands: who is in it and where, what is held, and over the last 30 days who came in, left"
        " and was left out. Without a name it tells of all. Exits with 1 when somebody is overdue by more than --late seconds."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("automation", nargs="?", help="The automation's name or UUID; all of them without one.")
        parser.add_argument("--json", action="store_true", help="Print a JSON list and nothing else.")
        parser.add_argument("--late", type=float, default=60.0, help="How many seconds overdue is a failure (60).")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = (
            [self.find(options["automation"])] if options["automation"] else Automation.objects.select_related("live")
        )
        at = now()
        facts = [facts_of(automation, at) for automation in chosen]
        self.answer(options, facts, "\n\n".join(map(_words, facts)) or "There is no automation yet.")
        if any(one["state"] == "live" and one["late_seconds"] > options["late"] for one in facts):
            raise SystemExit(1)


def _words(facts: dict[str, Any]) -> str:
    version = f", version {facts['version']}" if facts["version"] else ""
    lines = [f"‘{facts['automation']}’ is {facts['state']}{version}."]
    for label, key in (
        ("In it now", "open"),
        ("Waiting at", "at_step"),
        ("Held", "held"),
        ("Ended", "ended"),
        ("Left because", "exits"),
        ("Failed because", "failures"),
        ("Left out because", "left_out"),
    ):
        if facts[key]:
            lines.append(
                f"  {label}: " + ", ".join(f"{word} {number:,}" for word, number in sorted(facts[key].items()))
            )
    lines.append(f"  Last 30 days: {facts['came_in']:,} came in, {facts['mails_written']:,} mails written.")
    if facts["after_an_order_heard_of_too_late"]:
        lines.append(
            f"  {facts['after_an_order_heard_of_too_late']:,} mails went out after an order that was heard of too late."
        )
    if facts["late_seconds"] > 0:
        lines.append(f"  The oldest who is due waits for {facts['late_seconds']:,.0f} s.")
    return "\n".join(lines)
