"""Schedules a campaign, now or later, and can watch or do the sending."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from campaigns.delivery.verify import balance
from campaigns.scheduled.management.base import CampaignCommand, facts_of, instant, sentence_of, watch, work
from campaigns.scheduled.readiness import blockers
from campaigns.scheduled.services import send_campaign
from segments.segmentation.services import count


class Command(CampaignCommand):
    help = (
        "Sends a campaign: freezes its content and audience and schedules it, at once unless --at is given. Workers do the"
        " sending; --wait watches them, --work does it in this process. Exits with 1 when something is in the way."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--at", type=instant, help="When it goes out, such as 2026-11-20T09:00Z. Default: now.")
        parser.add_argument(
            "--as-of",
            type=instant,
            help="Read orders, events and consent as they were at this instant. Default: at the start.",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Say what is in the way and how many people are meant."
        )
        parser.add_argument("--wait", action="store_true", help="Show the progress until everything is settled.")
        parser.add_argument(
            "--work", action="store_true", help="Send from this process, for machines without a worker."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        campaign = self.find(options)
        if options["dry_run"]:
            found = blockers(campaign)
        else:
            found = send_campaign(campaign=campaign, actor="command", send_at=options["at"], as_of=options["as_of"])
        if found:
            raise CommandError("Not sent:\n" + "\n".join(f"  {blocker.part}: {blocker.message}" for blocker in found))
        if options["dry_run"] and campaign.segment:
            people = count(rule=campaign.segment.meaning, as_of=options["as_of"])
            self.answer(options, {"people": people}, f"Nothing is in the way; the segment names {people} people.")
            return
        if options["work"]:
            work(campaign, quiet=options["json"])
        elif options["wait"]:
            watch(campaign, quiet=options["json"])
        campaign.refresh_from_db()
        line = f"‘{campaign.name}’ is {campaign.get_state_display().lower()}."
        if campaign.run:
            line += "\n" + sentence_of(balance(campaign.run))
        self.answer(options, facts_of(campaign), line)
