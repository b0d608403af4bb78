"""What the campaign commands share: naming a campaign, telling how it stands, and watching it."""

from __future__ import annotations

import datetime as dt
import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.dateparse import parse_datetime
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from campaigns.delivery.verify import Balance, balance
from campaigns.scheduled.models import Campaign, CampaignState
from personalize.core import queue
from personalize.core.clock import now

UNDER_WAY = (CampaignState.SCHEDULED, CampaignState.SENDING)


class CampaignCommand(BaseCommand):
    """A command about one campaign, named by its name or its UUID."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("campaign", help="The campaign's name or UUID.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object and nothing else.")

    def find(self, options: dict[str, Any]) -> Campaign:
        """The campaign that is meant; refuses with the names there are when there is none such."""
        wanted = options["campaign"]
        found = Campaign.objects.filter(name=wanted).first() or _by_uuid(wanted)
        if found is None:
            names = ", ".join(f"‘{name}’" for name in Campaign.objects.values_list("name", flat=True)[:10])
            raise CommandError(f"There is no campaign ‘{wanted}’. There are: {names or 'none'}.")
        return found

    def answer(self, options: dict[str, Any], facts: dict[str, Any], sentence: str) -> None:
        """Print ``facts`` as JSON or ``sentence`` for people."""
        self.stdout.write(json.dumps(facts, ensure_ascii=False) if options["json"] else sentence)


def facts_of(campaign: Campaign) -> dict[str, Any]:
    """How a campaign stands, in plain values."""
    figures = balance(campaign.run) if campaign.run else None
    return {
        "campaign": campaign.name,
        "uuid": str(campaign.uuid),
        "state": campaign.state,
        "send_at": campaign.send_at.isoformat() if campaign.send_at else None,
        "as_of": campaign.as_of.isoformat() if campaign.as_of else None,
        "started_at": campaign.started_at.isoformat() if campaign.started_at else None,
        "finished_at": campaign.finished_at.isoformat() if campaign.finished_at else None,
        "pause_reason": campaign.pause_reason,
        "audience": figures.audience if figures else 0,
        "sent": figures.sent if figures else 0,
        "skipped": figures.skipped if figures else 0,
        "failed": figures.failed if figures else 0,
        "in_doubt": figures.in_doubt if figures else 0,
        "open": figures.open if figures else 0,
        "reasons": figures.reasons if figures else {},
    }


def sentence_of(figures: Balance) -> str:
    """A run's balance as one line, with the reasons under it."""
    lines = [
        f"audience {figures.audience} = {figures.sent} sent + {figures.skipped} skipped + {figures.failed} failed"
        f" + {figures.in_doubt} in doubt + {figures.open} open"
    ]
    lines += [f"  {number:>6}  {reason}" for reason, number in sorted(figures.reasons.items())]
    return "\n".join(lines)


def watch(campaign: Campaign, *, every: float = 0.3, quiet: bool = False) -> None:
    """Show a campaign's progress until it is neither scheduled nor sending. Interrupting it stops nothing but the show."""
    with _progress(campaign, quiet) as tick:
        while tick():
            time.sleep(every)


@contextmanager
def _progress(campaign: Campaign, quiet: bool) -> Iterator[Callable[[], bool]]:
    """A progress bar on standard error; each call of what it gives redraws it and says whether the campaign goes on."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True, quiet=quiet)) as bars:
        bar = bars.add_task(campaign.name, total=None)

        def tick() -> bool:
            campaign.refresh_from_db()
            if campaign.run:
                figures = balance(campaign.run)
                bars.update(bar, total=figures.audience, completed=figures.audience - figures.open)
            return campaign.state in UNDER_WAY

        yield tick


def work(campaign: Campaign, *, quiet: bool = False) -> None:
    """Do the campaign's work in this process until nothing of it is left; one that is due later is left alone."""
    with _progress(campaign, quiet) as tick:
        while tick() and campaign.send_at and campaign.send_at <= now():
            if not queue.look(raising=True):
                time.sleep(0.2)


def instant(text: str) -> dt.datetime:
    """An ISO 8601 instant from the command line; without a zone it is UTC. Raises CommandError."""
    try:
        moment = parse_datetime(text)
    except ValueError as error:
        raise CommandError(f"‘{text}’ is not a date and time: {error}.") from error
    if moment is None:
        raise CommandError(f"‘{text}’ is not a date and time such as 2026-11-20T09:00Z.")
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _by_uuid(text: str) -> Campaign | None:
    try:
        return Campaign.objects.filter(uuid=uuid.UUID(text)).first()
    except ValueError:
        return None
