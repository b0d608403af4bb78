"""Tells how a campaign stands."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from campaigns.delivery.models import Message
from campaigns.delivery.types import MessageState
from campaigns.delivery.verify import balance
from campaigns.scheduled.management.base import CampaignCommand, facts_of, sentence_of, watch


class Command(CampaignCommand):
    help = (
        "Tells how a campaign stands: its state, its figures, and with --in-doubt the addresses nobody can be sure of."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--wait", action="store_true", help="Show the progress until everything is settled.")
        parser.add_argument("--in-doubt", action="store_true", help="Name every address whose mail is in doubt.")

    def handle(self, *args: Any, **options: Any) -> None:
        campaign = self.find(options)
        if options["wait"]:
            watch(campaign, quiet=options["json"])
            campaign.refresh_from_db()
        facts = facts_of(campaign)
        line = f"‘{campaign.name}’ is {campaign.get_state_display().lower()}."
        if campaign.run:
            line += "\n" + sentence_of(balance(campaign.run))
        if options["in_doubt"]:
            doubtful = Message.objects.filter(run=campaign.run, state=MessageState.IN_DOUBT).order_by("pk")
            facts["in_doubt_addresses"] = list(doubtful.values_list("subscriber__email", flat=True))
            line += "".join(f"\n  in doubt: {address}" for address in facts["in_doubt_addresses"])
        self.answer(options, facts, line)
