"""The list of automations."""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns.automations import words
from campaigns.automations.addresses import EVERY, people_url, url
from campaigns.automations.figures import SPAN
from campaigns.automations.models import Automation
from campaigns.automations.types import OPEN, AutomationState, EnrolmentState
from personalize.core import permissions
from personalize.core.registries import ListView
from personalize.dashboard.lists import Column, Lists
from personalize.dashboard.templatetags.dashboard import count, icon, moment, state

NAME = "automations"
STATE_TONES = {AutomationState.LIVE: "good", AutomationState.OFF: "warn"}


def kind_for(request: HttpRequest) -> Lists:
    """The list of automations; whoever may run them has a switch in every row."""
    columns: list[Column] = [
        Column("name", gettext_lazy("Automation"), lambda row: row.name, show=_name, sort=("name",)),
        Column("state", gettext_lazy("State"), lambda row: str(row.get_state_display()), show=_state, sort=("state",)),
        Column(
            "inside",
            gettext_lazy("In it now"),
            lambda row: row.inside,
            show=_inside,
            sort=("inside",),
            number=True,
        ),
        Column(
            "came",
            gettext_lazy("Came in, 30 days"),
            lambda row: row.came,
            show=lambda row: count(row.came, people_url(row, f"view={EVERY}&came=30")),
            sort=("came",),
            number=True,
            later=True,
        ),
        Column(
            "changed",
            gettext_lazy("Changed"),
            lambda row: row.updated_at.isoformat(),
            show=lambda row: moment(row.updated_at),
            sort=("updated_at",),
            number=True,
            later=True,
            quiet=True,
        ),
    ]
    if permissions.allowed(request.user, "automation.run"):
        columns.append(Column("switch", "", lambda row: "", show=partial(_switch, request), later=True))
    by_state = {state.value: state.label for state in AutomationState}
    return Lists(
        name=NAME,
        columns=columns,
        search=lambda rows, asked: rows.filter(Q(name__icontains=asked) | Q(description__icontains=asked)),
        search_label=gettext_lazy("Name"),
        views=(
            ListView(EVERY, NAME, gettext_lazy("All"), lambda rows: rows),
            *(
                ListView(key, NAME, label, lambda rows, key=key: rows.filter(state=key))  # type: ignore[misc]
                for key, label in by_state.items()
            ),
        ),
        sort="name",
        page_size=30,
    )


def rows(at: dt.datetime) -> QuerySet[Automation]:
    """All automations with ``inside``, ``held`` and ``came`` (in the last thirty days)."""
    open_ = Q(enrolments__state__in=OPEN)
    return Automation.objects.annotate(
        inside=Count("enrolments", filter=open_),
        held=Count("enrolments", filter=Q(enrolments__state=EnrolmentState.HELD)),
        came=Count("enrolments", filter=Q(enrolments__created_at__gte=at - SPAN)),
    )


def _name(automation: Automation) -> SafeString:
    trigger = automation.draft.get("trigger") if isinstance(automation.draft, dict) else None
    return format_html(
        '<div class="person"><span class="node-tile start">{}</span><div class="lines"><a class="row-link" href="{}">{}</a>'
        '<span class="second cut">{}</span></div></div>',
        icon(words.trigger_icon(trigger), 16),
        url(automation),
        automation.name,
        automation.description or words.trigger_words(trigger, words.Names()).title,
    )


def _state(automation: Automation) -> SafeString:
    return state(automation.get_state_display(), STATE_TONES.get(AutomationState(automation.state), ""))


def _inside(automation: Any) -> SafeString:
    figure = count(automation.inside, people_url(automation))
    if not automation.held:
        return figure
    words = ngettext("%(n)s held", "%(n)s held", automation.held) % {"n": automation.held}
    held = reverse("automations:held", args=[automation.uuid])
    return format_html('<a class="warn-text medium size-12" href="{}">{}</a> {}', held, words, figure)


def _switch(request: HttpRequest, automation: Automation) -> SafeString | str:
    if automation.state == AutomationState.DRAFT:
        return ""
    live = automation.state == AutomationState.LIVE
    name = (_("Turn off ‘%(name)s’") if live else _("Turn on ‘%(name)s’")) % {"name": automation.name}
    return format_html(
        '<form class="switch-form" method="post" action="{}"><input type="hidden" name="csrfmiddlewaretoken" value="{}">'
        '<input type="hidden" name="list" value="1"><input class="switch" type="checkbox" data-submits aria-label="{}"{}>'
        '<noscript><button class="button small">{}</button></noscript></form>',
        reverse("automations:pause" if live else "automations:resume", args=[automation.uuid]),
        get_token(request),
        name,
        " checked" if live else "",
        _("Turn off") if live else _("Turn on"),
    )
