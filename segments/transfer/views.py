"""Pages of imports: the list, and one import from its file over its columns and the check to its report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_POST

from personalize.core.permissions import require
from personalize.dashboard.lists import ListPage
from segments.transfer import services
from segments.transfer.forms import ColumnsForm, UploadForm
from segments.transfer.listing import IMPORTS, state_cell
from segments.transfer.models import Import, ImportKind, ImportState, Rejection
from segments.transfer.progress import HEADER, OVER, UNDER_WAY, figures_of, progress_of, state_words, taken, things
from segments.transfer.types import Refusal, Unusable
from segments.transfer.uploads import StraightToDisk

PREVIEWED = 50
REJECTIONS_SHOWN = 20
REASONS_SHOWN = 6


@require_GET
@require("people.import")
def index(request: HttpRequest) -> HttpResponseBase:
    """All imports, newest first."""
    page = ListPage(request, IMPORTS, Import.objects.all())
    found = ngettext("%(count)s import", "%(count)s imports", page.count) % {"count": intcomma(page.count)}
    return render(request, "transfer/list.html", {"list": page, "found": found})


# Whether the form is ours is asked once the upload has a place to go to: asking reads the whole request.
@csrf_exempt
@require("people.import")
def new(request: HttpRequest) -> HttpResponseBase:
    """Take a file in."""
    upload = StraightToDisk(settings.IMPORT_MAX_BYTES)
    request.upload_handlers = [upload]
    try:
        return _new(request, upload)
    finally:
        upload.discard()


@csrf_protect
def _new(request: HttpRequest, upload: StraightToDisk) -> HttpResponseBase:
    if request.method != "POST":
        form = UploadForm(initial={"kind": request.GET.get("kind", ImportKind.SUBSCRIBERS)})
        return render(request, "transfer/new.html", {"form": form})
    form = UploadForm(request.POST, request.FILES)
    if upload.too_large:
        form.fields["file"].error_messages["required"] = _("The file is larger than %(limit)s MB; split it.") % {
            "limit": intcomma(settings.IMPORT_MAX_BYTES // 1_000_000)
        }
    if form.is_valid() and upload.path:
        given = form.cleaned_data
        try:
            job = services.create_import(
                kind=given["kind"],
                name=given["file"].name,
                path=upload.path,
                actor=request.user,
                source=given["source"],
                encoding=given["encoding"],
            )
        except Unusable as error:
            form.add_error("file", str(error))
        else:
            return redirect("transfer:columns", job.uuid)
    return render(request, "transfer/new.html", {"form": form}, status=422)


@require("people.import")
def columns(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Say which column is which field; then the file is checked."""
    job = _job(uuid)
    if job.state != ImportState.UPLOADED:
        return redirect("transfer:detail", job.uuid)
    try:
        seen = services.preview(job, PREVIEWED)
    except Unusable as error:
        return render(request, "transfer/columns.html", {**_about(job), "unusable": error})
    form = ColumnsForm(job, seen, request.POST or None)
    if form.is_valid():
        refusal = services.configure_import(
            job=job,
            columns=form.columns(),
            actor=request.user,
            topic=form.cleaned_data.get("topic"),
            basis=form.cleaned_data.get("basis", ""),
            wording=form.cleaned_data.get("wording", ""),
            # Kept for the download of rejected rows: the file itself is gone by then.
            options={**form.options(), HEADER: list(seen.header)},
        ) or services.start_import(job=job, actor=request.user, dry_run=True)
        if refusal is None:
            return redirect("transfer:detail", job.uuid)
        form.add_error(refusal.field if refusal.field in form.fields else None, refusal.reason)
    context = {**_about(job), "form": form, "problems": seen.problems, "rows": len(seen.rows)}
    return render(request, "transfer/columns.html", context, status=422 if form.is_bound else 200)


@require_GET
@require("people.import")
def detail(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """One import: what the check found, how far it is, or what it did."""
    job = _job(uuid)
    if job.state == ImportState.UPLOADED and not job.dry_run:
        return redirect("transfer:columns", job.uuid)
    return render(request, "transfer/detail.html", {**_about(job), "reasons": _reasons(job)})


@require_GET
@require("people.import")
def progress(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The live part of the page; asks again by itself while anything moves."""
    job = _job(uuid)
    answer = render(request, "transfer/_progress.html", _about(job))
    if request.GET.get("stage", _stage(job)) != _stage(job):
        # Head, buttons and card belong to the state before: the whole page is asked for anew.
        answer["HX-Refresh"] = "true"
    return answer


def _start(job: Import, actor: Any) -> Refusal | None:
    return services.start_import(job=job, actor=actor)


def _moved(verb: Callable[..., bool]) -> Callable[[Import, Any], Refusal | None]:
    """A verb that says whether it was in time, as one that says why not."""

    def act(job: Import, actor: Any) -> Refusal | None:
        return (
            None if verb(job=job, actor=actor) else Refusal("", _("It is too late for that: the import has moved on."))
        )

    return act


VERBS: dict[str, Callable[[Import, Any], Refusal | None]] = {
    "start": _start,
    "pause": _moved(services.pause_import),
    "resume": _moved(services.resume_import),
    "release": _moved(services.release_import),
    "cancel": _moved(services.cancel_import),
}


@require_POST
@require("people.import")
def act(request: HttpRequest, uuid: UUID, verb: str) -> HttpResponseBase:
    """Start, pause, resume, release or cancel an import."""
    if verb not in VERBS:
        raise Http404
    job = _job(uuid)
    if refusal := VERBS[verb](job, request.user):
        messages.error(request, str(refusal.reason))
    return redirect("transfer:detail", job.uuid)


def _job(uuid: UUID) -> Import:
    return get_object_or_404(Import.objects.select_related("topic"), uuid=uuid)


def _stage(job: Import) -> str:
    """What the page as a whole depends on; a running import is ready in between, for the next worker to take."""
    return ("moving" if job.started_at else "waiting") if job.state in UNDER_WAY else job.state


def _reasons(job: Import) -> list[tuple[str, int]]:
    """Why rows were rejected, the most frequent first; nothing where the rows themselves say it at a glance."""
    if job.rejected <= REJECTIONS_SHOWN:
        return []
    found = Rejection.objects.filter(job=job).order_by().values_list("reason").annotate(rows=Count("pk"))
    return list(found.order_by("-rows", "reason")[:REASONS_SHOWN])


def _about(job: Import) -> dict[str, Any]:
    """Everything the pages of one import show."""
    rejections = Rejection.objects.filter(job=job).order_by("line")
    step = 2 if job.state == ImportState.UPLOADED and not job.dry_run else 3 if job.dry_run else 4
    return {
        "job": job,
        "step": step,
        "progress": progress_of(job),
        "figures": figures_of(job),
        "state": state_cell(job),
        "state_words": state_words(job),
        "rejections": rejections[:REJECTIONS_SHOWN],
        "checked": job.state == ImportState.UPLOADED and job.dry_run,
        "stage": _stage(job),
        "moving": job.state in UNDER_WAY,
        "over": job.state in OVER,
        "things": things(job.kind, taken(job)),
        "taken": taken(job),
        "states": ImportState,
        "twins": Import.objects.filter(digest=job.digest, kind=job.kind).exclude(pk=job.pk).order_by("-created_at")[:3],
    }
