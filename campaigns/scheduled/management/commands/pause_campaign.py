"""Holds a sending campaign."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from campaigns.scheduled.management.base import CampaignCommand, facts_of
from campaigns.scheduled.services import pause_campaign


class Command(CampaignCommand):
    help = "Pauses a sending campaign: what was not handed over waits. Exits with 1 when it is not sending."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--reason", default="", help="Why, for the audit trail and the page.")

    def handle(self, *args: Any, **options: Any) -> None:
        campaign = self.find(options)
        if not pause_campaign(campaign=campaign, actor="command", reason=options["reason"]):
            raise CommandError(
                f"‘{campaign.name}’ is {campaign.get_state_display().lower()}: only a sending one can be paused."
            )
        self.answer(options, facts_of(campaign), f"‘{campaign.name}’ is {campaign.get_state_display().lower()}.")
