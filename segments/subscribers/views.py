"""The list of people, and one person with everything that happened to them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from itertools import groupby
from typing import Any
from uuid import UUID

from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import ngettext

from personalize.core import registries
from personalize.core.permissions import require
from personalize.core.registries import TimelineEntry
from personalize.dashboard.lists import ListPage
from segments.subscribers import people
from segments.subscribers.models import Subscriber

SHOWN_AT_FIRST = 30
SHOWN_AT_MOST = 500


@require("people.view")
def index(request: HttpRequest) -> HttpResponseBase:
    """Everyone, by tab, search and filter."""
    page = ListPage(request, people.kind_for(request.user), Subscriber.objects.present())
    if page.wants_export:
        return page.export()
    found = ngettext("%(count)s person", "%(count)s people", page.count) % {"count": intcomma(page.count)}
    return render(request, "subscribers/list.html", {"list": page, "found": found})


@require("people.view")
def detail(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """One person: figures, what is known, what happened, what they would see."""
    person = get_object_or_404(Subscriber.objects.present(), uuid=uuid)
    sources = list(registries.timeline)
    wanted = request.GET.get("tab", "")
    shown = _shown(request)
    entries = [entry for source in sources if wanted in ("", source.key) for entry in source.entries(person, shown + 1)]
    entries.sort(key=lambda entry: entry.at, reverse=True)
    context = {
        "person": person,
        "name": person.full_name or people.address_for(request.user, person),
        "facts": people.known(request.user, person),
        "stats": [
            stat for source in registries.stats if source.page == "subscriber" for stat in source.stats(request, person)
        ],
        "tabs": [(source.key, source.label, source.count(person)) for source in sources],
        "tab": wanted,
        "days": _by_day(entries[:shown]),
        "more": shown + SHOWN_AT_FIRST if len(entries) > shown and shown < SHOWN_AT_MOST else None,
    }
    return render(request, "subscribers/detail.html", context)


def _shown(request: HttpRequest) -> int:
    asked = request.GET.get("show", "")
    return min(SHOWN_AT_MOST, max(SHOWN_AT_FIRST, int(asked))) if asked.isdigit() and len(asked) < 5 else SHOWN_AT_FIRST


def _by_day(entries: Iterable[TimelineEntry]) -> list[tuple[dt.date, list[dict[str, Any]]]]:
    """Entries by day in the reader's zone, newest first."""
    stamped = [(timezone.localtime(entry.at), entry) for entry in entries]
    return [
        (date, [{"entry": entry, "time": at} for at, entry in found])
        for date, found in groupby(stamped, key=lambda pair: pair[0].date())
    ]
