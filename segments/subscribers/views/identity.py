"""Pages that say who a person is: another address, and two rows that are one person."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from personalize.core.addresses import address_key
from personalize.core.permissions import require
from segments.subscribers import identity, merging
from segments.subscribers.forms import AddressForm
from segments.subscribers.models import Subscriber
from segments.subscribers.types import Refusal


def present(uuid: UUID) -> Subscriber:
    """The person of the page. Raises Http404, also for the erased."""
    return get_object_or_404(Subscriber.objects.present(), uuid=uuid)


@require_http_methods(["GET", "HEAD", "POST"])
@require("people.edit")
def address(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Give a person another address."""
    person = present(uuid)
    form = AddressForm(request.POST or None)
    taken_by = None
    if request.method == "POST" and form.is_valid():
        changed = identity.change_address(subscriber=person, email=form.cleaned_data["email"], actor=request.user)
        match changed:
            case Refusal():
                form.add_error("email", changed.reason)
            case identity.Taken():
                taken_by = changed.by
                form.add_error("email", _("This address belongs to another person here."))
            case _:
                messages.success(request, _("The address was changed."))
                return redirect("subscribers:detail", person.uuid)
    context = {"person": person, "form": form, "taken_by": taken_by}
    return render(request, "subscribers/address.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@require("people.edit")
def merge(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Choose the other row by address, then whose value is kept in each field, and merge."""
    person = present(uuid)
    if "with" in request.GET:
        return _merge_with(request, person, request.GET["with"])
    form = AddressForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        # By key and by post: an address has no place in a log of addresses.
        other = Subscriber.objects.present().filter(address_key=address_key(form.cleaned_data["email"])).first()
        if other is None:
            form.add_error("email", _("Nobody here has this address."))
        elif other == person:
            form.add_error("email", _("This is the address of the person on this page."))
        else:
            return redirect(f"{reverse('subscribers:merge', args=[person.uuid])}?with={other.uuid}")
    context = {"person": person, "form": form}
    return render(request, "subscribers/merge_choose.html", context, status=422 if form.errors else 200)


def _merge_with(request: HttpRequest, person: Subscriber, uuid: str) -> HttpResponseBase:
    try:
        other = present(UUID(uuid))
    except ValueError as error:
        raise Http404 from error
    refusal = None
    if request.method == "POST":
        differing = {one.field for one in merging.differences(person, other)}
        prefer = {field: request.POST[field] for field in differing if field in request.POST}
        merged = merging.merge_subscribers(survivor=person, duplicate=other, actor=request.user, prefer=prefer)
        if not isinstance(merged, Refusal):
            messages.success(request, _("The two are one person now."))
            return redirect("subscribers:merge_log", person.uuid, merged.uuid)
        refusal = merged
    context: dict[str, Any] = {
        "person": person,
        "other": other,
        "differences": [] if person == other else merging.differences(person, other),
        "moves": merging.consequences(other),
        "refusal": refusal,
    }
    return render(request, "subscribers/merge.html", context, status=422 if refusal else 200)


@require_safe
@require("people.address")
def merge_log(request: HttpRequest, uuid: UUID, merge: UUID) -> HttpResponseBase:
    """What a merge kept, what gave way, and how many rows it moved."""
    person = present(uuid)
    found = get_object_or_404(person.merges, uuid=merge)
    context = {
        "person": person,
        "merge": found,
        "values": [(merging.label_of(value["field"]), value["kept"], value["gave_way"]) for value in found.values],
        "moved": merging.moved(found),
    }
    return render(request, "subscribers/merge_log.html", context)
