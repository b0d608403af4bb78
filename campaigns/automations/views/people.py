"""The people of an automation: who is or was in it, whose mails are held, who did not come in; and deciding about them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from campaigns.automations import enrolling, holding, listing, moving
from campaigns.automations.models import Automation, Enrolment
from campaigns.automations.published import definition_of
from campaigns.automations.types import OPEN
from personalize.core.permissions import require
from personalize.dashboard.lists import SELECT_ALL, SELECT_ROW, ListPage, Lists, selected

MOST_MOVED = 500
"""How many may be moved by hand at once: each is taken along one by one."""


@require_GET
@require("people.view")
def people(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Everybody's way through it."""
    automation = _automation(uuid)
    page = ListPage(request, listing.people_for(request, automation), listing.people(automation))
    if page.wants_export:
        return page.export()
    found = ngettext("%(n)s person", "%(n)s people", page.count) % {"n": intcomma(page.count)}
    return render(request, "automations/people.html", {"automation": automation, "list": page, "found": found})


@require_GET
@require("people.view")
def held(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Mails that wait for somebody, or for fresh data."""
    automation = _automation(uuid)
    page = ListPage(request, listing.held_for(request, automation), listing.held(automation))
    found = ngettext("%(n)s mail is held", "%(n)s mails are held", page.count) % {"n": intcomma(page.count)}
    return render(request, "automations/held.html", {"automation": automation, "list": page, "found": found})


@require_GET
@require("people.view")
def left_out(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Whom a trigger named and who did not come in, with the reason."""
    automation = _automation(uuid)
    page = ListPage(request, listing.left_out_for(request), listing.left_out(automation))
    if page.wants_export:
        return page.export()
    found = ngettext("%(n)s time", "%(n)s times", page.count) % {"n": intcomma(page.count)}
    return render(request, "automations/left_out.html", {"automation": automation, "list": page, "found": found})


@require_POST
@require("automation.run")
def release(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Let held mails go out, once the reader has seen how many."""

    def act(rows: QuerySet[Enrolment]) -> str:
        number = holding.release(enrolments=rows, actor=request.user)
        return ngettext("%(n)s mail goes out.", "%(n)s mails go out.", number) % {"n": intcomma(number)}

    return _decide(request, _automation(uuid), "release", act, held_only=True)


@require_POST
@require("automation.run")
def drop(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Leave held mails out; their people go on to the next step."""

    def act(rows: QuerySet[Enrolment]) -> str:
        number = holding.drop_mail(enrolments=rows, actor=request.user)
        return ngettext("%(n)s mail is left out.", "%(n)s mails are left out.", number) % {"n": intcomma(number)}

    return _decide(request, _automation(uuid), "drop", act, held_only=True)


@require_POST
@require("automation.run")
def take_out(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """End it for people by hand; their mails that have not gone out never will."""

    def act(rows: QuerySet[Enrolment]) -> str:
        number = enrolling.take_out(enrolments=rows, actor=request.user)
        return ngettext("%(n)s person is out.", "%(n)s people are out.", number) % {"n": intcomma(number)}

    return _decide(request, _automation(uuid), "take_out", act)


@require_POST
@require("automation.run")
def move(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Put people at another step of their version by hand."""

    def act(rows: QuerySet[Enrolment]) -> str:
        step = request.POST.get("step", "")
        # Who is in a version without this step stays where they are.
        able = [row for row in rows.select_related("version")[:MOST_MOVED] if step in definition_of(row.version).steps]
        moved = sum(moving.move_enrolment(enrolment=row, step=step, actor=request.user) for row in able)
        return ngettext("%(n)s person was moved.", "%(n)s people were moved.", moved) % {"n": intcomma(moved)}

    return _decide(request, _automation(uuid), "move", act)


def _decide(
    request: HttpRequest,
    automation: Automation,
    what: str,
    act: Callable[[QuerySet[Enrolment]], str],
    *,
    held_only: bool = False,
) -> HttpResponseBase:
    """Ask with the figure first; what was confirmed is done to those of the selection who are still open."""
    kind: Lists = listing.held_for(request, automation) if held_only else listing.people_for(request, automation)
    rows = listing.held(automation) if held_only else listing.people(automation)
    # An action touches rows by their keys: what a list sorts and joins is of no use to it.
    chosen = Enrolment.objects.filter(pk__in=selected(request, kind, rows).order_by().values("pk"), state__in=OPEN)
    back = f"automations:{'held' if held_only else 'people'}"
    if request.POST.get("confirmed"):
        messages.success(request, act(chosen))
        return redirect(back, automation.uuid)
    context: dict[str, Any] = {
        "automation": automation,
        "what": what,
        "back": back,
        "number": chosen.count(),
        "some": [row.subscriber for row in chosen.select_related("subscriber")[:5]],
        "rows": request.POST.getlist(SELECT_ROW),
        "all": request.POST.get(SELECT_ALL),
        "steps": list(listing.titles_of(automation).items()) if what == "move" else [],
        "too_many": what == "move" and chosen.count() > MOST_MOVED,
        "most": MOST_MOVED,
    }
    return render(request, "automations/decide.html", context)


def _automation(uuid: UUID) -> Automation:
    return get_object_or_404(Automation, uuid=uuid)
