"""Recounts a campaign from its rows and says whether everything adds up."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError

from campaigns.delivery.verify import balance
from campaigns.scheduled.management.base import CampaignCommand, sentence_of


class Command(CampaignCommand):
    help = "Recounts a campaign from its rows: audience = sent + skipped + failed + in doubt + open. Exits with 1 if it does not."

    def handle(self, *args: Any, **options: Any) -> None:
        campaign = self.find(options)
        if campaign.run is None:
            raise CommandError(f"‘{campaign.name}’ has not begun: there is nothing to verify.")
        figures = balance(campaign.run)
        self.answer(
            options,
            {**asdict(figures), "balances": figures.balances},
            sentence_of(figures) + ("\nIt balances." if figures.balances else ""),
        )
        if not figures.balances:
            raise CommandError("It does not balance: " + "; ".join(figures.faults) + ".")
