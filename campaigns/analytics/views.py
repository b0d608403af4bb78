"""Reports: the list of campaigns with their figures, one campaign in full, and the people behind each figure."""

from __future__ import annotations

import uuid as uuids

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from campaigns.analytics import figures
from campaigns.analytics.recipients import Group, recipients
from campaigns.analytics.report import ENOUGH, tell
from campaigns.delivery.models import Run
from campaigns.scheduled.models import Campaign
from personalize.core import clock
from personalize.core.permissions import require

_PAGE = 25
_PEOPLE_PAGE = 50


@require("report.view")
def index(request: HttpRequest) -> HttpResponse:
    """Campaigns that have gathered their audience, the latest first."""
    sent = Campaign.objects.filter(run__isnull=False).order_by("-started_at", "-pk")
    page = Paginator(sent, _PAGE).get_page(request.GET.get("page"))
    lines = figures.summaries(list(page))
    return render(request, "analytics/index.html", {"page": page, "lines": lines, "enough": ENOUGH})


@require("report.view")
def report(request: HttpRequest, uuid: uuids.UUID) -> HttpResponse:
    campaign = get_object_or_404(Campaign.objects.select_related("run"), uuid=uuid)
    found = figures.campaign_figures(campaign)
    context = {"campaign": campaign, "report": tell(found) if found else None, "enough": ENOUGH, "now": clock.now()}
    return render(request, "analytics/report.html", context)


@require("people.view")
def people(request: HttpRequest, uuid: uuids.UUID) -> HttpResponse:
    """The people a figure counts, chosen by ``who`` (a Group) and ``link`` (a link's key)."""
    campaign, run = _sent_campaign(uuid)
    group, link = _group(request), request.GET.get("link", "")
    page = Paginator(recipients(run, group, link_key=link), _PEOPLE_PAGE).get_page(request.GET.get("page"))
    context = {"campaign": campaign, "group": group, "groups": Group, "page": page}
    return render(request, "analytics/people.html", context)


def _sent_campaign(uuid: uuids.UUID) -> tuple[Campaign, Run]:
    campaign = get_object_or_404(Campaign.objects.select_related("run"), uuid=uuid)
    if campaign.run is None:
        raise Http404
    return campaign, campaign.run


def _group(request: HttpRequest) -> Group:
    asked = request.GET.get("who", Group.ALL)
    if asked not in Group.values:
        raise Http404
    return Group(asked)


def people_csv(request): ...
