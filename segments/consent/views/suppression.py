"""Whom nobody may mail: the list, adding to it by hand and by file, and taking one address off it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import Http404, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from personalize.core import audit
from personalize.core.addresses import address_key
from personalize.core.permissions import allowed, require
from personalize.dashboard.lists import ListPage
from segments.consent import services, suppression_listing
from segments.consent.models import SuppressionReason
from segments.consent.suppression_files import Default, Imported, Unusable, export_csv, import_suppression
from segments.consent.suppression_forms import BarForm, FreeForm, UploadForm
from segments.consent.types import Unsuppressed


@require("people.view")
def index(request: HttpRequest) -> HttpResponseBase:
    """Every bar in force, by reason and scope, and one by its address."""
    page = ListPage(request, suppression_listing.kind_for(request.user), suppression_listing.in_force())
    found = ngettext("%(count)s barred", "%(count)s barred", page.count) % {"count": intcomma(page.count)}
    return render(request, "consent/suppression.html", {"list": page, "found": found})


@require("suppression.add")
def add(request: HttpRequest) -> HttpResponseBase:
    """Bar one address by hand."""
    form = BarForm(request.POST or None)
    if form.is_valid():
        new = services.suppress(
            address_key=address_key(form.cleaned_data["address"]),
            reason=SuppressionReason.MANUAL,
            source="by hand",
            topic=form.cleaned_data["topic"],
            actor=request.user,
            note=form.cleaned_data["note"],
        )
        if new:
            messages.success(request, _("The address is barred."))
        else:
            messages.info(request, _("The address was barred already, for a reason as strong."))
        return redirect("suppression:list")
    return render(request, "consent/suppression_add.html", {"form": form})


@require("suppression.remove")
def remove(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Let one address be mailed again, for a reason that is kept. Who was erased stays barred."""
    bar: Any = suppression_listing.in_force().exclude(reason=SuppressionReason.ERASED).filter(pk=pk).first()
    if bar is None:
        raise Http404
    form = FreeForm(request.POST or None)
    if form.is_valid():
        done = services.unsuppress(
            address_key=bar.address_key, topic=bar.topic, actor=request.user, reason=form.cleaned_data["reason"]
        )
        if done is Unsuppressed.REMOVED:
            messages.success(request, _("The bar is gone. It brings back no subscription."))
        else:
            messages.error(request, _("The bar could not be taken away."))
        return redirect("suppression:list")
    context = {
        "form": form,
        "bar": bar,
        "name": suppression_listing.name_for(request.user, bar),
        "scope": suppression_listing.scope(bar),
    }
    return render(request, "consent/suppression_remove.html", context)


@require("suppression.add")
def upload(request: HttpRequest) -> HttpResponseBase:
    """Bar the addresses of a file, and say what became of every row."""
    form = UploadForm(request.POST or None, request.FILES or None)
    done: Imported | None = None
    if form.is_valid():
        values = form.cleaned_data
        default = Default(SuppressionReason(values["reason"]), values["topic"], values["source"])
        try:
            done = import_suppression(stream=values["file"], default=default, actor=request.user)
        except Unusable as error:
            form.add_error("file", str(error))
    return render(request, "consent/suppression_upload.html", {"form": form, "done": done})


@require("people.export")
def download(request: HttpRequest) -> HttpResponseBase:
    """Every bar in force as a file that can be uploaded again; noted in the audit trail."""
    audit.record(actor=request.user, action="suppression.exported")
    return StreamingHttpResponse(
        export_csv(addresses=allowed(request.user, "people.address")),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="suppression.csv"'},
    )
