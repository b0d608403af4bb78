"""Files for download, streamed while they are read: people of a list or segment, and the rows an import rejected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePath
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from personalize.core import clock
from personalize.core.permissions import require
from personalize.dashboard.lists import SELECT_ALL, SELECT_ROW, ListPage, selected
from segments.segmentation import services as segmentation
from segments.segmentation.models import Segment
from segments.segmentation.rules.parse import RuleError
from segments.subscribers.models import StaticList, Subscriber
from segments.subscribers.people import kind_for
from segments.transfer.exports import SLICE, Format, csv_lines, export_people
from segments.transfer.forms import ExportForm
from segments.transfer.models import Import, Rejection
from segments.transfer.progress import HEADER

TYPES = {Format.CSV: "text/csv; charset=utf-8", Format.NDJSON: "application/x-ndjson"}


@sensitive_post_parameters("password")
@require("people.export")
def export_list(request: HttpRequest) -> HttpResponseBase:
    """People as the list of subscribers shows them: its tab, search, filters and order stand in the address."""
    page = ListPage(request, kind_for(request.user), Subscriber.objects.present())
    narrowed = [f"{one.label}: {label}" for one, _value, label in page.applied]
    name = ", ".join(
        str(part) for part in [page.view.label if page.view else "", *([page.words] if page.words else []), *narrowed]
    )
    back = f"{reverse('subscribers:list')}?{request.GET.urlencode()}"
    return _export(request, page.rows, name=name, of=_of(page), back=back)


def _of(page: ListPage) -> str:
    """Which people, for the trail: it holds no personal data, and what was searched for may be somebody's name."""
    return ", ".join(f"{one.key}={value}" for one, value, _label in page.applied) or "subscribers"


@sensitive_post_parameters("password")
@require_POST
@require("people.export")
def export_selected(request: HttpRequest) -> HttpResponseBase:
    """The people ticked in a list, or all it shows: first asks for columns and password, as every export does."""
    kind, everyone = kind_for(request.user), Subscriber.objects.present()
    people = selected(request, kind, everyone)
    everybody = bool(request.POST.get(SELECT_ALL))
    ticks = [(SELECT_ALL, "1")] if everybody else [(SELECT_ROW, row) for row in request.POST.getlist(SELECT_ROW)]
    back = f"{reverse('subscribers:list')}?{request.GET.urlencode()}"
    of = _of(ListPage(request, kind, everyone)) if everybody else "selected subscribers"
    return _export(request, people, name=_("Selected"), of=of, back=back, ticks=ticks)


@sensitive_post_parameters("password")
@require("people.export")
def export_segment(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """The people a segment means now."""
    segment = get_object_or_404(Segment, uuid=uuid)
    back = reverse("segmentation:detail", args=[uuid])
    try:
        people = segmentation.audience(rule=segment.meaning, as_of=clock.now())
    except RuleError as error:
        messages.error(request, _("This segment cannot be used as it stands. %(error)s") % {"error": error})
        return redirect(back)
    return _export(request, people, name=segment.name, of=f"segment {segment.name}", back=back)


@sensitive_post_parameters("password")
@require("people.export")
def export_static_list(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """The people on a static list."""
    found = get_object_or_404(StaticList, uuid=uuid)
    people = Subscriber.objects.present().filter(list_memberships__list=found)
    return _export(request, people, name=found.name, of=f"list {found.name}", back=reverse("subscribers:list"))


def _export(
    request: HttpRequest,
    people: QuerySet[Subscriber],
    *,
    name: str,
    of: str,
    back: str,
    ticks: Sequence[tuple[str, str]] = (),
) -> HttpResponseBase:
    """Ask which columns, in which form and for the password; then hand out the file.

    ``ticks`` are the posted fields that say who was selected; the form hands them on.
    """
    asked = "password" in request.POST or not ticks
    form = ExportForm(request.user, (request.POST or None) if asked else None)
    if not form.is_valid():
        context = {"form": form, "name": name, "people": people.count(), "back": back, "ticks": ticks}
        return render(request, "transfer/export.html", context, status=422 if form.is_bound else 200)
    format = Format(form.cleaned_data["format"])
    return StreamingHttpResponse(
        export_people(people=people, columns=form.chosen(), format=format, actor=request.user, of=of),
        content_type=TYPES[format],
        headers={
            "Content-Disposition": f'attachment; filename="{slugify(name) or "people"}.{format}"',
            "Cache-Control": "no-store",
        },
    )


@require_GET
@require("people.import")
def rejected(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """The rows an import did not take, with line and reason, to be mended and imported again."""
    job = get_object_or_404(Import, uuid=uuid)

    def lines() -> Iterator[str]:
        rows = Rejection.objects.filter(job=job).order_by("line", "pk").iterator(chunk_size=SLICE)
        yield csv_lines([["line", "reason", *job.options.get(HEADER, [])]])
        for row in rows:
            yield csv_lines([[row.line, row.reason, *row.values]])

    name = f"{slugify(PurePath(job.name).stem) or 'import'}-rejected.csv"
    return StreamingHttpResponse(
        lines(),
        content_type=TYPES[Format.CSV],
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )
