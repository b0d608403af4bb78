"""Pages on which one person is added or changed by hand."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from personalize.core.permissions import require
from segments.subscribers import people
from segments.subscribers.models import Subscriber
from segments.subscribers.person_forms import SubscriberForm
from segments.subscribers.services import change_subscriber, create_subscriber
from segments.subscribers.types import Stale


@require("people.edit")
def new(request: HttpRequest) -> HttpResponseBase:
    """Add a person; to which topics they may be mailed is not said here, for that takes their own word."""
    form = SubscriberForm(request.POST or None, reader=request.user)
    if request.method == "POST" and form.is_valid():
        person = create_subscriber(row=form.row(), actor=request.user)
        if isinstance(person, Subscriber):
            messages.success(request, _("%(name)s is added.") % {"name": person})
            return redirect("subscribers:detail", person.uuid)
        form.refuse(person)
    return render(request, "subscribers/edit.html", {"form": form})


@require("people.edit")
def edit(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Change what is known of a person; what somebody else saved meanwhile is shown beside what was written here."""
    person = get_object_or_404(Subscriber.objects.present(), uuid=uuid)
    form = SubscriberForm(request.POST or None, reader=request.user, person=person)
    differing: list[tuple[str, str, str]] = []
    if request.method == "POST" and form.is_valid():
        seen = form.cleaned_data["lock_version"]
        changed = change_subscriber(
            subscriber=person,
            changes=form.changes(),
            lock_version=-1 if seen is None else seen,
            actor=request.user,
        )
        if isinstance(changed, Subscriber):
            messages.success(request, _("Saved."))
            return redirect("subscribers:detail", person.uuid)
        if isinstance(changed, Stale):
            person.refresh_from_db()
            data, differing = form.over(SubscriberForm(reader=request.user, person=person))
            form = SubscriberForm(data, reader=request.user, person=person)
        else:
            form.refuse(changed)
    context = {
        "form": form,
        "person": person,
        "name": person.full_name or people.address_for(request.user, person),
        "address": people.address_for(request.user, person),
        "differing": differing,
    }
    return render(request, "subscribers/edit.html", context)
