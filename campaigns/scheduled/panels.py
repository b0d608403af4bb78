"""What campaigns bring to other pages: the menu, Home, the pill in the top bar, search, and "used by"."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from campaigns.scheduled.models import Campaign, CampaignState
from campaigns.scheduled.progress import progress_of
from campaigns.scheduled.services import OWNER_KIND, content_of
from personalize.content.thumbnails import thumbnail_url
from personalize.core import registries
from personalize.core.registries import (
    FirstRunStep,
    MailSource,
    MenuEntry,
    Panel,
    SearchHit,
    SearchSource,
    UsageSource,
    Use,
)
from segments.segmentation.models import Segment
from segments.segmentation.usages import NAMED

UNDER_WAY = (CampaignState.SENDING, CampaignState.PAUSED)


def register() -> None:
    """Put everything in its place; called once when the app is ready."""
    registries.menu.add(
        MenuEntry("campaigns", _("Campaigns"), "send", "scheduled:list", "report.view", order=20, count=_waiting)
    )
    registries.creations.add(MenuEntry("campaign", _("Campaign"), "send", "scheduled:new", "campaign.edit", order=10))
    registries.panels.add(Panel("campaigns.running", "home.main", "scheduled/_running.html", _running, order=20))
    registries.panels.add(Panel("campaigns.next", "home.side", "scheduled/_next.html", _next, order=10))
    registries.panels.add(Panel("campaigns.live", "frame.live", "scheduled/_live.html", _live))
    registries.mail_sources.add(MailSource(OWNER_KIND, _explained))
    registries.search.add(SearchSource("campaigns", _("Campaigns"), _find, order=20))
    for source in _sources():
        registries.usages.add(source)
    registries.first_run.add(
        FirstRunStep(
            "campaign",
            _("Send a campaign"),
            _("One mail, made for each person."),
            lambda: reverse("scheduled:new"),
            lambda: Campaign.objects.exclude(state=CampaignState.DRAFT).exists(),
            order=90,
        )
    )


def _explained(message: Any, person: Any) -> str | None:
    return reverse("scheduled:why", args=[message.run.owner, person.uuid]) if message.run else None


def _waiting() -> int | None:
    """Campaigns that are under way, planned or being written."""
    return Campaign.objects.exclude(state__in=(CampaignState.FINISHED, CampaignState.CANCELLED)).count() or None


def _running(request: HttpRequest, target: Any) -> dict[str, Any] | None:
    found = Campaign.objects.filter(state__in=UNDER_WAY).select_related("run").order_by("-started_at")
    last = Campaign.objects.filter(state=CampaignState.FINISHED).order_by("-finished_at").first()
    running = [{**_line(request, campaign), "progress": progress_of(campaign)} for campaign in found]
    return {"running": running, "last": last} if running or last else None


def _next(request: HttpRequest, target: Any) -> dict[str, Any] | None:
    scheduled = Campaign.objects.filter(state=CampaignState.SCHEDULED).order_by("send_at")[:5]
    written = Campaign.objects.filter(state=CampaignState.DRAFT).order_by("-updated_at")[:3]
    planned, drafts = ([_line(request, campaign) for campaign in found] for found in (scheduled, written))
    return {"planned": planned, "drafts": drafts} if planned or drafts else None


def _line(request: HttpRequest, campaign: Campaign) -> dict[str, Any]:
    return {"campaign": campaign, "thumbnail": thumbnail_url(content=content_of(campaign), user=request.user)}


def _live(request: HttpRequest, target: Any) -> dict[str, Any] | None:
    campaign = (
        Campaign.objects.filter(state=CampaignState.SENDING).select_related("run").order_by("-started_at").first()
    )
    progress = progress_of(campaign) if campaign else None
    return {"campaign": campaign, "progress": progress} if progress else None


def _find(user: Any, words: str, limit: int) -> list[SearchHit]:
    found = Campaign.objects.filter(name__icontains=words).order_by("-updated_at")[:limit]
    return [
        SearchHit(campaign.name, str(campaign.get_state_display()), reverse("scheduled:detail", args=[campaign.uuid]))
        for campaign in found
    ]


# --- used by ------------------------------------------------------------------------------------------------------------


def _sources() -> list[UsageSource]:
    """Campaigns as users: of the segments chosen for them, and of whatever the rules name that they froze."""
    frozen = {
        "segment": _(
            "Who gets it stays as it was scheduled; a block of its mail that names this segment asks by the new rule."
        )
    }
    return [
        UsageSource(
            "campaigns.chosen",
            "segment",
            lambda segment: _uses(_choosing(segment).filter(state=CampaignState.DRAFT)),
            edited=_("A draft: it goes to whom the segment means once it is scheduled."),
        ),
        UsageSource(
            "campaigns.kept",
            "segment",
            lambda segment: _uses(_choosing(segment).exclude(state=CampaignState.DRAFT)),
            edited=_("It keeps the rule with which it was scheduled."),
        ),
        *(
            UsageSource(f"campaigns.{kind}", kind, partial(_frozen_uses, kind), edited=frozen.get(kind, ""))
            for kind in NAMED
        ),
    ]


def _choosing(segment: Segment) -> QuerySet[Campaign]:
    return Campaign.objects.filter(Q(segment=segment) | Q(excluded=segment)).order_by("-updated_at")


def _uses(campaigns: Iterable[Campaign]) -> list[Use]:
    return [
        (campaign.name, str(campaign.get_state_display()), reverse("scheduled:detail", args=[campaign.uuid]))
        for campaign in campaigns
    ]


def _frozen_uses(kind: str, target: Any) -> list[Use]:
    """Campaigns on their way whose frozen audience or content asks for something, whatever segment and template say by now."""
    names, field = NAMED[kind]
    wanted = str(getattr(target, field))
    on_their_way = Campaign.objects.filter(state__in=(CampaignState.SCHEDULED, *UNDER_WAY)).order_by("-updated_at")
    return _uses(
        campaign
        for campaign in on_their_way.prefetch_related("variants__version")
        if wanted
        in names([campaign.audience_rule, *(one.version.rules for one in campaign.variants.all() if one.version)])
    )
