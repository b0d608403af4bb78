"""What an automation would have done: asked for, awaited and read; and one person's way through it, step by step."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from campaigns.automations import simulating, simulation, words
from campaigns.automations.definition import read
from campaigns.automations.findings import Findings, steps_told
from campaigns.automations.models import Automation, AutomationVersion, Simulation
from campaigns.automations.nodes import Definition
from campaigns.automations.types import SimulationState
from personalize.core.clock import now
from personalize.core.permissions import allowed, require
from segments.segmentation.rules.reading import RuleError
from segments.subscribers.models import Subscriber

SPANS = (30, 90)


@require_http_methods(["GET", "POST"])
@require("report.view")
def simulate(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """The latest simulation, and the form for another one."""
    automation = get_object_or_404(Automation.objects.select_related("live", "topic"), uuid=uuid)
    context: dict[str, Any] = {
        "automation": automation,
        "spans": SPANS,
        "versions": list(automation.versions.order_by("-number")),
        "may_see_people": allowed(request.user, "people.view"),
    }
    if request.method == "POST":
        days, version = _span(request.POST.get("days", "")), _version(automation, request.POST.get("version", ""))
        until = now()
        made = simulating.begin(
            automation=automation, version=version, since=until - dt.timedelta(days=days), until=until
        )
        if isinstance(made, Simulation):
            return redirect(f"{reverse('automations:simulate', args=[uuid])}?simulation={made.uuid}")
        context["problems"] = made
    wanted = request.GET.get("simulation", "")
    shown = automation.simulations.select_related("version")
    chosen = next((one for one in shown if str(one.uuid) == wanted), None) or shown.first()
    context |= _shown(chosen) if chosen else {}
    if chosen and context["may_see_people"] and request.GET.get("person"):
        context |= _trace(automation, chosen, request.GET["person"])
    return render(request, "automations/simulate.html", context, status=422 if "problems" in context else 200)


@require_GET
@require("report.view")
def progress(request: HttpRequest, uuid: UUID, simulation: UUID) -> HttpResponseBase:
    """How far a simulation is; the whole page once it is over."""
    found = get_object_or_404(Simulation, uuid=simulation, automation__uuid=uuid)
    if found.state not in (SimulationState.WAITING, SimulationState.RUNNING):
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "automations/_simulating.html", _shown(found))


def _shown(found: Simulation) -> dict[str, Any]:
    moving = found.state in (SimulationState.WAITING, SimulationState.RUNNING)
    definition = read(found.definition)
    context: dict[str, Any] = {
        "simulation": found,
        "moving": moving,
        "lost": moving and now() - found.touched_at > simulating.LOST,
        "days": (found.until - found.since).days,
        "percent": round(100 * found.share),
        "rest": 100 - round(100 * found.share),
    }
    if found.result is not None and isinstance(definition, Definition):
        context["found"] = Findings(found.result, found.definition, words.Names())
    return context


def _trace(automation: Automation, chosen: Simulation, address: str) -> dict[str, Any]:
    """One person's way in the same span, lived again now."""
    person = Subscriber.objects.present().filter(email__iexact=address.strip()).first()
    definition = read(chosen.definition)
    context: dict[str, Any] = {"address": address, "person": person}
    if person is None or not isinstance(definition, Definition):
        return {**context, "nobody": _("There is nobody with this address.")}
    try:
        report = simulation.simulate(
            definition=definition,
            automation=automation,
            since=chosen.since,
            until=chosen.until,
            people=Subscriber.objects.filter(pk=person.pk),
            follow=person.pk,
        )
    except RuleError as error:
        return {**context, "nobody": str(error)}
    return {**context, "told": steps_told(report.told, chosen.definition, words.Names())}


def _span(given: str) -> int:
    return int(given) if given.isdigit() and int(given) in SPANS else SPANS[0]


def _version(automation: Automation, given: str) -> AutomationVersion | None:
    """The published version of this number; None for the draft."""
    return automation.versions.filter(number=int(given)).first() if given.isdigit() else None
