"""Home, search, and the board of components."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from personalize.core import registries
from personalize.core.permissions import require
from personalize.core.registries import Stat
from personalize.dashboard.templatetags.dashboard import WaterfallStep

HITS_PER_SOURCE = 6


@require("report.view")
def home(request: HttpRequest) -> HttpResponse:
    """What needs doing, what runs, what comes next: filled by the apps above."""
    return render(request, "dashboard/home.html", {"greeting": _greeting(), "now": timezone.localtime()})


def _greeting() -> str:
    hour = timezone.localtime().hour
    if 5 <= hour < 12:
        return _("Good morning")
    return _("Good afternoon") if 12 <= hour < 18 else _("Good evening")


@require("report.view")
def search(request: HttpRequest) -> HttpResponse:
    """Hits in everything that can be searched; a fragment for the palette, a page for everybody else."""
    words = request.GET.get("q", "").strip()
    groups = []
    if words:
        found = ((source, source.find(request.user, words, HITS_PER_SOURCE)) for source in registries.search)
        groups = [(source.label, hits) for source, hits in found if hits]
    fragment = request.headers.get("HX-Target") == "palette-hits"
    template = "dashboard/_hits.html" if fragment else "dashboard/search.html"
    return render(request, template, {"words": words, "groups": groups})


@require("report.view")
def design(request: HttpRequest) -> HttpResponse:
    """Every small part on one board; for those who build pages, not for production."""
    if not (settings.DEBUG or settings.DEMO):
        raise Http404
    steps = [
        WaterfallStep("In the segment", 13_944, kind="whole"),
        WaterfallStep("No yes to Winter and gifts", -1_236, "#", "they follow other topics"),
        WaterfallStep("Already 3 marketing mails in 7 days", -198, "#"),
        WaterfallStep("Address bounced", -30, "#"),
        WaterfallStep("Get it", 12_480, "#", kind="result"),
    ]
    stats = [
        Stat("Orders", "7", "since March 2025", "#"),
        Stat("Spent", "£412.60", "returns taken off"),
        Stat("Usually orders every", "71 days", "last one 57 days ago"),
        Stat("Mails in 30 days", "9", "3 clicked, 1 led to an order"),
        Stat("Best time to mail", None, "readable with 12 more clicks"),
    ]
    days = [4, 5, 40, 4, 5, 23, 4, 4, 40, 5, 4, 23, 6, 5, 5, 40, 5, 4, 22, 4, 6, 5, 40, 5, 5, 24, 4, 6, 24]
    clicks = [31, 28, 22, 30, 33, 29, 24, 26, 35, 38, 31, 27, 29, 36, 40, 33, 28, 30, 37, 42]
    return render(
        request,
        "dashboard/design.html",
        {"steps": steps, "stats": stats, "days": days, "clicks": clicks, "before": clicks[::-1]},
    )
