"""The list of automations, and where a new one begins: a recipe, or nothing."""

from __future__ import annotations

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from campaigns.automations import gallery, services
from campaigns.automations.forms.entry import NewForm
from campaigns.automations.lists import automations
from personalize.core.clock import now
from personalize.core.permissions import require
from personalize.dashboard.lists import ListPage


@require_GET
@require("report.view")
def index(request: HttpRequest) -> HttpResponseBase:
    """All automations, with who is in them."""
    page = ListPage(request, automations.kind_for(request), automations.rows(now()))
    found = ngettext("%(n)d automation", "%(n)d automations", page.count) % {"n": page.count}
    return render(request, "automations/list.html", {"list": page, "found": found})


@require_GET
@require("automation.edit")
def recipes(request: HttpRequest) -> HttpResponseBase:
    """What one may begin with, each with how many people it would reach."""
    words, group = request.GET.get("q", "").strip(), request.GET.get("group", "")
    shown = gallery.shown(at=now(), asked=words, group=group)
    context = {"shown": shown, "words": words, "group": group, "form": NewForm()}
    return render(request, "automations/gallery.html", context)


@require("automation.edit")
def new(request: HttpRequest) -> HttpResponseBase:
    """Begin with nothing but a name."""
    form = NewForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                automation = services.create_automation(name=form.cleaned_data["name"], actor=request.user)
        except IntegrityError:
            form.add_error("name", _("There is an automation of this name already."))
        else:
            return redirect("automations:detail", automation.uuid)
    return render(request, "automations/new.html", {"form": form}, status=422 if form.errors else 200)


@require_POST
@require("automation.edit")
def use(request: HttpRequest, key: str) -> HttpResponseBase:
    """Begin with a recipe: its templates and its draft are made."""
    made = gallery.use(key=key, actor=request.user)
    if isinstance(made, str):
        messages.error(request, made)
        return redirect("automations:recipes")
    return redirect("automations:detail", made.uuid)
