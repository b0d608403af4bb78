"""Putting somebody into an automation by hand: from its own page by address, and from the person's page."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from campaigns.automations import enrolling
from campaigns.automations.forms.people import WhichAutomationForm
from campaigns.automations.models import Automation, Enrolment
from campaigns.automations.types import AutomationState
from personalize.core.permissions import require
from segments.subscribers.list_forms import AddressForm
from segments.subscribers.models import Subscriber


@require("automation.run")
def put_in(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Put the person of an address into this automation."""
    automation = get_object_or_404(Automation.objects.select_related("live", "topic"), uuid=uuid)
    form = AddressForm(request.POST or None)
    if form.is_valid() and _came_in(request, form, "email", automation, form.cleaned_data["email"]):
        return redirect("automations:people", automation.uuid)
    context = {"automation": automation, "form": form, "is_live": automation.state == AutomationState.LIVE}
    return render(request, "automations/put_in.html", context, status=422 if form.errors else 200)


@require("automation.run")
def put_person_in(request: HttpRequest, person: UUID) -> HttpResponseBase:
    """Put this person into one of the live automations."""
    subscriber = get_object_or_404(Subscriber.objects.present(), uuid=person)
    form = WhichAutomationForm(request.POST or None)
    if form.is_valid() and _came_in(request, form, "automation", form.cleaned_data["automation"], subscriber):
        return redirect("subscribers:detail", subscriber.uuid)
    context = {"person": subscriber, "form": form}
    return render(request, "automations/put_person_in.html", context, status=422 if form.errors else 200)


def _came_in(
    request: HttpRequest, form: forms.Form, field: str, automation: Automation, subscriber: Subscriber
) -> bool:
    """Whether they came in; when not, the form says at this field why."""
    name = subscriber.full_name or _("This person")
    if automation.state != AutomationState.LIVE:
        form.add_error(field, _("The automation is not live, so nobody comes in."))
        return False
    became = enrolling.enrol_by_hand(automation=automation, subscriber=subscriber, actor=request.user)
    if isinstance(became, Enrolment):
        said = _("%(name)s is in ‘%(automation)s’ now.")
        messages.success(request, said % {"name": name, "automation": automation.name})
        return True
    said = _("%(name)s did not come in: %(reason)s.")
    form.add_error(field, said % {"name": name, "reason": became.label[:1].lower() + became.label[1:]})
    return False
