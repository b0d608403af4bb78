"""Reports: the list of campaigns with their figures, one campaign in full, and the people behind each figure."""

from __future__ import annotations

import uuid as uuids

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render

from campaigns.analytics import figures
from campaigns.analytics.recipients import people_list, recipients
from campaigns.analytics.report import ENOUGH, tell
from campaigns.scheduled.models import Campaign
from personalize.core import clock
from personalize.core.permissions import require
from personalize.dashboard.lists import ListPage

_PAGE = 25


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
def people(request: HttpRequest, uuid: uuids.UUID) -> HttpResponseBase:
    """The people behind the figures; ``view`` in the address is a Group, ``format=csv`` asks for the file."""
    campaign = get_object_or_404(Campaign.objects.select_related("run"), uuid=uuid)
    if campaign.run is None:
        raise Http404
    found = ListPage(request, people_list(campaign.run), recipients(campaign.run))
    if found.wants_export:
        return found.export()
    return render(request, "analytics/people.html", {"campaign": campaign, "list": found})
