"""Ends a campaign for good."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from campaigns.scheduled.management.base import CampaignCommand, facts_of
from campaigns.scheduled.services import cancel_campaign


class Command(CampaignCommand):
    help = "Cancels a campaign for good: what was not handed over is skipped. Exits with 1 when it cannot be cancelled any more."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--reason", default="", help="Why, for the audit trail and the page.")

    def handle(self, *args: Any, **options: Any) -> None:
        campaign = self.find(options)
        if not cancel_campaign(campaign=campaign, actor="command", reason=options["reason"]):
            raise CommandError(f"‘{campaign.name}’ is {campaign.get_state_display().lower()}: it cannot be cancelled.")
        self.answer(options, facts_of(campaign), f"‘{campaign.name}’ is {campaign.get_state_display().lower()}.")
