"""What campaigns bring to other pages: the menu, Home, the pill in the top bar, search, and "used by"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from campaigns.scheduled.models import Campaign, CampaignState, Variant
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
from segments.segmentation.usages import attributes_in, lists_in

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
    registries.usages.add(UsageSource("campaigns.segment", "segment", _uses_segment))
    registries.usages.add(UsageSource("campaigns.list", "list", lambda one: _frozen_uses(lists_in, str(one.uuid))))
    registries.usages.add(
        UsageSource("campaigns.attribute", "attribute", lambda one: _frozen_uses(attributes_in, one.key))
    )
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


def _uses_segment(segment: Any) -> list[tuple[str, str, str]]:
    found = Campaign.objects.filter(segment=segment).order_by("-updated_at")[:20]
    return [
        (campaign.name, str(campaign.get_state_display()), reverse("scheduled:detail", args=[campaign.uuid]))
        for campaign in found
    ]


def _frozen_uses(names: Callable[[Any], set[str]], wanted: str) -> list[Use]:
    """Campaigns on their way whose frozen content asks for something, whatever their template says by now."""
    states = (CampaignState.SCHEDULED, *UNDER_WAY)
    found = Variant.objects.filter(campaign__state__in=states, version__isnull=False)
    return [
        (
            variant.campaign.name,
            str(variant.campaign.get_state_display()),
            reverse("scheduled:detail", args=[variant.campaign.uuid]),
        )
        for variant in found.select_related("campaign", "version")
        if variant.version and wanted in names(variant.version.rules)
    ]
