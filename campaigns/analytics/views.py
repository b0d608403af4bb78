"""Reports: the list of campaigns with their figures, one campaign or automation in full, and the people behind each figure."""

from __future__ import annotations

import uuid as uuids

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render

from campaigns.analytics import automation_report as automation_telling
from campaigns.analytics import figures
from campaigns.analytics.automation_figures import automation_figures
from campaigns.analytics.recipients import automation_people_list, people_list, recipients
from campaigns.analytics.report import ENOUGH, tell
from campaigns.automations import periods
from campaigns.automations.figures import mail_owners, messages
from campaigns.automations.models import Automation
from campaigns.delivery.models import Message
from campaigns.scheduled.models import Campaign
from personalize.accounts.models import Brand
from personalize.core import clock
from personalize.core.permissions import require
from personalize.dashboard.lists import ListPage

_PAGE = 25
_USUAL_PERIOD = "30"


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
    found = ListPage(
        request, people_list(request.user, campaign.run), recipients(Message.objects.filter(run=campaign.run))
    )
    if found.wants_export:
        return found.export()
    return render(request, "analytics/people.html", {"campaign": campaign, "list": found})


@require("report.view")
def automation_report(request: HttpRequest, uuid: uuids.UUID) -> HttpResponse:
    """An automation over the ``period`` of the address, one of ``periods.KEYS``; thirty days unless it names one."""
    automation = get_object_or_404(Automation.objects.select_related("live"), uuid=uuid)
    asked = request.GET.get("period", "")
    period = asked if asked in periods.KEYS else _USUAL_PERIOD
    context = {
        "automation": automation,
        "period": period,
        "periods": periods.DAYS,
        "all": periods.ALL,
        "enough": ENOUGH,
    }
    if automation.live is not None:
        found = automation_figures(automation, period=period, at=clock.now())
        brand = Brand.objects.first()
        currency = brand.currency if brand else "GBP"
        context["report"] = automation_telling.tell(automation, found, period=period, currency=currency)
    return render(request, "analytics/automation.html", context)


@require("people.view")
def automation_people(request: HttpRequest, uuid: uuids.UUID) -> HttpResponseBase:
    """The mails of an automation with their people, as ``people`` of a campaign; ``step`` and ``period`` narrow them."""
    automation = get_object_or_404(Automation, uuid=uuid)
    mails = recipients(messages(list(mail_owners(automation))))
    found = ListPage(request, automation_people_list(request.user, automation), mails)
    if found.wants_export:
        return found.export()
    return render(request, "analytics/automation_people.html", {"automation": automation, "list": found})
