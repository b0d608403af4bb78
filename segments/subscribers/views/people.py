"""The list of people, and one person with everything that happened to them."""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any
from uuid import UUID

from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import ngettext

from personalize.core import audit, permissions, registries
from personalize.core.permissions import require
from personalize.core.registries import Span, TimelineEntry
from personalize.dashboard.lists import Echo, ListPage, formula_safe
from segments.subscribers import history, people
from segments.subscribers.models import Subscriber

COLUMNS = ("at", "kind", "what", "text", "detail", "lines")


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
    kind, since, until = _asked(request)
    after = history.place(request.GET.get("after", ""))
    entries, more = history.page(person, kind=kind, span=_span(since, until), after=after)
    context = {
        "person": person,
        "name": person.full_name or people.address_for(request.user, person),
        "facts": people.known(request.user, person),
        "stats": [
            stat for source in registries.stats if source.page == "subscriber" for stat in source.stats(request, person)
        ],
        "tabs": [(source.key, source.label, source.count(person)) for source in registries.timeline],
        "tab": kind,
        "since": since,
        "until": until,
        "days": _by_day(entries),
        # The day on which the page before ended has its heading there.
        "begun": timezone.localtime(after.at).date() if after and request.headers.get("HX-Request") else None,
        "more": more,
        "exportable": permissions.allowed(request.user, "people.export"),
    }
    return render(request, "subscribers/detail.html", context)


@require("people.export")
def timeline(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """What happened to a person as a file: all of what the page is narrowed to, as CSV or as one JSON object a line."""
    person = get_object_or_404(Subscriber.objects.present(), uuid=uuid)
    kind, since, until = _asked(request)
    entries = (history.plain(entry) for entry in history.walk(person, kind=kind, span=_span(since, until)))
    as_json = request.GET.get("format") == "ndjson"
    audit.record(actor=request.user, action="subscriber.exported", target=person, part="timeline")
    return StreamingHttpResponse(
        _lines_of_json(entries) if as_json else _lines_of_csv(entries),
        content_type="application/x-ndjson" if as_json else "text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="timeline-{person.uuid}.{"ndjson" if as_json else "csv"}"'
        },
    )


def _lines_of_csv(entries: Iterable[dict[str, Any]]) -> Iterator[str]:
    writer = csv.writer(Echo())
    yield writer.writerow(COLUMNS)
    for entry in entries:
        yield writer.writerow([formula_safe(entry[name]) for name in COLUMNS])


def _lines_of_json(entries: Iterable[dict[str, Any]]) -> Iterator[str]:
    return (json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)


def _asked(request: HttpRequest) -> tuple[str, dt.date | None, dt.date | None]:
    """Which kind and which days the address names; what makes no sense narrows nothing."""
    kind = request.GET.get("tab", "")
    known = {source.key for source in registries.timeline}
    return kind if kind in known else "", _date(request, "since"), _date(request, "until")


def _date(request: HttpRequest, name: str) -> dt.date | None:
    try:
        return parse_date(request.GET.get(name, ""))
    except ValueError:
        return None


def _span(since: dt.date | None, until: dt.date | None) -> Span:
    """The days from ``since`` to ``until``, both counted in, as they are for the reader."""
    return Span(
        since=_midnight(since) if since else None,
        until=_midnight(until + dt.timedelta(days=1)) if until and until < dt.date.max else None,
    )


def _midnight(date: dt.date) -> dt.datetime:
    return timezone.make_aware(dt.datetime.combine(date, dt.time()))


def _by_day(entries: Iterable[TimelineEntry]) -> list[tuple[dt.date, list[dict[str, Any]]]]:
    """Entries by day in the reader's zone, newest first."""
    stamped = [(timezone.localtime(entry.at), entry) for entry in entries]
    return [
        (date, [{"entry": entry, "time": at} for at, entry in found])
        for date, found in groupby(stamped, key=lambda pair: pair[0].date())
    ]
