"""The people of an automation: who is or was in it, whose mails are held, and who did not come in."""

from __future__ import annotations

from uuid import UUID

from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET

from campaigns.automations.lists import held as held_list
from campaigns.automations.lists import left_out as left_out_list
from campaigns.automations.lists import people as people_list
from campaigns.automations.models import Automation
from personalize.core.permissions import require
from personalize.dashboard.lists import ListPage


@require_GET
@require("people.view")
def people(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Everybody's way through it."""
    automation = get_object_or_404(Automation, uuid=uuid)
    page = ListPage(request, people_list.kind_for(request, automation), people_list.rows(automation))
    if page.wants_export:
        return page.export()
    found = ngettext("%(n)s person", "%(n)s people", page.count) % {"n": intcomma(page.count)}
    return render(request, "automations/people.html", {"automation": automation, "list": page, "found": found})


@require_GET
@require("people.view")
def held(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Mails that wait for somebody, or for fresh data."""
    automation = get_object_or_404(Automation, uuid=uuid)
    page = ListPage(request, held_list.kind_for(request, automation), held_list.rows(automation))
    found = ngettext("%(n)s mail is held", "%(n)s mails are held", page.count) % {"n": intcomma(page.count)}
    return render(request, "automations/held.html", {"automation": automation, "list": page, "found": found})


@require_GET
@require("people.view")
def left_out(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Whom a trigger named and who did not come in, with the reason."""
    automation = get_object_or_404(Automation, uuid=uuid)
    page = ListPage(request, left_out_list.kind_for(request), left_out_list.rows(automation))
    if page.wants_export:
        return page.export()
    found = ngettext("%(n)s time", "%(n)s times", page.count) % {"n": intcomma(page.count)}
    return render(request, "automations/left_out.html", {"automation": automation, "list": page, "found": found})
