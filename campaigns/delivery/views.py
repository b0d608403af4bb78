"""Settings, Limits: how many marketing mails a person gets at most."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from campaigns.delivery import limits as nouns
from campaigns.delivery import services
from campaigns.delivery.forms import LimitForm
from campaigns.delivery.models import FrequencyRule
from campaigns.delivery.wording import consequence, sentence
from personalize.core.permissions import require
from personalize.core.registries import mail_groups


@require("settings.edit")
def limits(request: HttpRequest) -> HttpResponse:
    """All limits in words, with how many mails each held back lately."""
    groups = dict(_groups())
    turned_away = nouns.turned_away_lately()
    rules = [
        (rule, sentence(rule, groups), consequence(rule), turned_away.by_rule.get(rule.pk, 0))
        for rule in FrequencyRule.objects.select_related("topic").order_by("-enabled", "name")
    ]
    return render(
        request,
        "delivery/limits.html",
        {"rules": rules, "turned_away": turned_away, "daily_cap": settings.DELIVERY_DAILY_CAP},
    )


@require("settings.edit")
def new_limit(request: HttpRequest) -> HttpResponse:
    """Make a limit; it holds from the next hand-over on."""
    return _edit(request, None)


@require("settings.edit")
def limit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a limit."""
    return _edit(request, get_object_or_404(FrequencyRule, pk=pk))


@require_POST
@require("settings.edit")
def switch_limit(request: HttpRequest, pk: int) -> HttpResponse:
    """Switch a limit off or on."""
    rule = get_object_or_404(FrequencyRule, pk=pk)
    services.save_limit(rule=rule, actor=request.user, enabled=request.POST.get("enabled") == "1")
    words = _("‘%s’ holds again.") if rule.enabled else _("‘%s’ holds nothing back any more.")
    messages.success(request, words % rule.name)
    return redirect("delivery:limits")


def _edit(request: HttpRequest, rule: FrequencyRule | None) -> HttpResponse:
    form = LimitForm(request.POST or None, instance=rule, groups=_groups())
    if form.is_valid():
        services.save_limit(rule=rule, actor=request.user, **form.settings())
        messages.success(request, _("Saved. It holds for every mail that goes out from now on."))
        return redirect("delivery:limits")
    return render(request, "delivery/limit.html", {"form": form, "rule": rule})


def _groups() -> list[tuple[UUID, str]]:
    return [group for source in mail_groups if source.goes_on for group in source.named()]
