"""Lets a paused campaign go on."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from campaigns.scheduled.management.base import CampaignCommand, facts_of
from campaigns.scheduled.services import resume_campaign


class Command(CampaignCommand):
    help = "Resumes a paused campaign. Exits with 1 when it is not paused."

    def handle(self, *args: Any, **options: Any) -> None:
        campaign = self.find(options)
        if not resume_campaign(campaign=campaign, actor="command"):
            raise CommandError(
                f"‘{campaign.name}’ is {campaign.get_state_display().lower()}: only a paused one can go on."
            )
        self.answer(options, facts_of(campaign), f"‘{campaign.name}’ is {campaign.get_state_display().lower()}.")
