"""Pages on which a person's data is handed out and erased."""

from __future__ import annotations

import tempfile
from uuid import UUID

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from personalize.core.permissions import require
from segments.subscribers import rights
from segments.subscribers.forms import EraseForm
from segments.subscribers.views.identity import present


@require_http_methods(["GET", "HEAD", "POST"])
@require("people.export")
def export(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Say what a person would be handed, and hand it out on a press of the button."""
    person = present(uuid)
    if request.method == "POST":
        # On disk as soon as it is large; gone when it is sent.
        packed = tempfile.SpooledTemporaryFile(max_size=1024 * 1024)  # noqa: SIM115  The response closes it.
        rights.export_subscriber(subscriber=person, actor=request.user, into=packed)
        packed.seek(0)
        return FileResponse(packed, as_attachment=True, filename=f"{person.uuid}.zip", content_type="application/zip")
    found = [one for one in rights.foresee(person) if one.handed_out]
    return render(request, "subscribers/export.html", {"person": person, "found": found})


@require_http_methods(["GET", "HEAD", "POST"])
@require("erase")
def erase(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Say what would become of everything about a person, and erase once their address is typed."""
    person = present(uuid)
    form = EraseForm(request.POST or None, person=person)
    if request.method == "POST" and form.is_valid():
        rights.erase_subscriber(subscriber=person, actor=request.user)
        messages.success(request, _("The person was erased."))
        return redirect("subscribers:list")
    context = {"person": person, "form": form, "fates": rights.foresee(person)}
    return render(request, "subscribers/erase.html", context, status=422 if form.errors else 200)
