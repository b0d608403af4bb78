"""Settings, Endpoints: the systems that webhook steps tell, and how they answered."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from campaigns.automations import calling, services
from campaigns.automations.endpoints import latest_calls, with_figures
from campaigns.automations.forms.endpoints import EndpointForm
from campaigns.automations.models import Call, CallState, Endpoint
from personalize.core import registries
from personalize.core.clock import now
from personalize.core.fetch import Answered, Refused
from personalize.core.permissions import allowed, require
from segments.subscribers.people import address_for

_TONES = {CallState.DONE: "good", CallState.FAILED: "bad", CallState.READY: ""}
_FRESH = "endpoint_fresh"
"""The mark in the session that lets the page show a new secret in full, once."""


@require_GET
@require("settings.edit")
def endpoints(request: HttpRequest) -> HttpResponse:
    """All endpoints with what became of their latest calls."""
    return render(request, "automations/endpoints.html", {"endpoints": with_figures(now())})


@require("settings.edit")
def new_endpoint(request: HttpRequest) -> HttpResponse:
    """Make an endpoint; its page shows the secret."""
    form = EndpointForm(request.POST or None)
    if form.is_valid():
        try:
            with transaction.atomic():
                endpoint = services.create_endpoint(**form.cleaned_data, actor=request.user)
        except IntegrityError:
            form.add_error("name", _("There is an endpoint of this name."))
        else:
            request.session[_FRESH] = str(endpoint.uuid)
            return redirect("automations:endpoint", endpoint.uuid)
    return render(request, "automations/new_endpoint.html", {"form": form}, status=422 if form.errors else 200)


@require("settings.edit")
def endpoint(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """One endpoint: its address and secret, who uses it, and its latest calls."""
    one = get_object_or_404(Endpoint, uuid=uuid)
    form = EndpointForm(request.POST or None, endpoint=one)
    if form.is_valid():
        try:
            with transaction.atomic():
                services.change_endpoint(endpoint=one, actor=request.user, **form.cleaned_data)
        except IntegrityError:
            form.add_error("name", _("There is an endpoint of this name."))
        else:
            messages.success(request, _("Saved. Calls that wait go to this address too."))
            return redirect("automations:endpoint", one.uuid)
    return _page(request, one, form)


@require_POST
@require("settings.edit")
def switch_endpoint(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Turn an endpoint off or on."""
    one = get_object_or_404(Endpoint, uuid=uuid)
    services.change_endpoint(endpoint=one, actor=request.user, enabled=request.POST.get("enabled") == "1")
    words = _("‘%s’ is told again.") if one.enabled else _("‘%s’ is told nothing any more.")
    messages.success(request, words % one.name)
    return redirect("automations:endpoint", one.uuid)


@require_POST
@require("settings.edit")
def replace_secret(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Give an endpoint another secret; its page shows it."""
    one = get_object_or_404(Endpoint, uuid=uuid)
    services.replace_secret(endpoint=one, actor=request.user)
    request.session[_FRESH] = str(one.uuid)
    return redirect("automations:endpoint", one.uuid)


@require_POST
@require("settings.edit")
def delete_endpoint(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Take an endpoint away."""
    one = get_object_or_404(Endpoint, uuid=uuid)
    services.delete_endpoint(endpoint=one, actor=request.user)
    messages.success(request, _("‘%s’ is deleted.") % one.name)
    return redirect("automations:endpoints")


@require_POST
@require("settings.edit")
def try_endpoint(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Make one signed call that is about nobody, and show the answer."""
    one = get_object_or_404(Endpoint, uuid=uuid)
    return _page(request, one, EndpointForm(endpoint=one), tried=calling.try_out(endpoint=one, at=now()))


@require_POST
@require("settings.edit")
def call_again(request: HttpRequest, uuid: UUID, call: UUID) -> HttpResponse:
    """Tell an endpoint once more what was given up."""
    one = get_object_or_404(Call.objects.select_related("endpoint"), uuid=call, endpoint__uuid=uuid)
    if services.call_again(call=one, actor=request.user):
        messages.success(request, _("It is told again, under the same id."))
    else:
        messages.error(request, _("Only what was given up is told again, and only while the endpoint is on."))
    return redirect("automations:endpoint", uuid)


def _page(
    request: HttpRequest, one: Endpoint, form: EndpointForm, *, tried: Answered | Refused | None = None
) -> HttpResponse:
    fresh = request.session.get(_FRESH) == str(one.uuid)
    if fresh:
        del request.session[_FRESH]
    may_see = allowed(request.user, "people.view")
    calls = [
        (
            call,
            _TONES[CallState(call.state)],
            address_for(request.user, call.enrolment.subscriber) if may_see else "",
            one.enabled and call.state == CallState.FAILED,
        )
        for call in latest_calls(one)
    ]
    context = {
        "endpoint": one,
        "form": form,
        "fresh": fresh,
        "calls": calls,
        "waiting": one.calls.filter(state=CallState.READY).count(),
        "uses": registries.uses_of("endpoint", one),
        "tried": _answer(tried) if tried else None,
    }
    return render(request, "automations/endpoint.html", context, status=422 if form.errors else 200)


def _answer(tried: Answered | Refused) -> tuple[str, str]:
    """The tone and words of what came back."""
    if isinstance(tried, Refused):
        return "bad", tried.reason
    if 200 <= tried.status < 300:
        return "good", _("It answered %d: it has heard.") % tried.status
    return "bad", _("It answered %d, so a call would be tried again.") % tried.status
