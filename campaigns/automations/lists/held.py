"""The list of mails that are held, each with the person it is for; whoever may decides about them here."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.automations import words
from campaigns.automations.lists import people
from campaigns.automations.lists.cells import at_step, moment_column, person_column, searched_by
from campaigns.automations.models import Automation, Enrolment
from campaigns.automations.types import EnrolmentState, HeldReason
from personalize.core import permissions
from personalize.core.registries import ListFilter
from personalize.dashboard.lists import Column, Lists

NAME = "held-mails"


def kind_for(request: HttpRequest, automation: Automation) -> Lists:
    """The mails that are held, each with the person it is for and why; whoever may decides about them here."""
    reader = request.user
    titles = words.titles_of(automation)
    return Lists(
        name=NAME,
        columns=(
            person_column(reader),
            Column("mail", gettext_lazy("Mail"), lambda row: titles.get(row.step, row.step), show=at_step(titles)),
            Column(
                "reason",
                gettext_lazy("Why it is held"),
                lambda row: words.reason_words(row.reason),
                quiet=True,
                later=True,
            ),
            moment_column("came_at", gettext_lazy("Since")),
            Column("look", "", lambda row: "", show=partial(_look, reader, _templates_of(automation))),
        ),
        search=searched_by(reader),
        search_label=gettext_lazy("Name, address"),
        filters=(
            ListFilter("reason", NAME, gettext_lazy("Why"), lambda: HeldReason.choices, _because),
            ListFilter(
                "step", NAME, gettext_lazy("Mail"), lambda: list(titles.items()), lambda rows, id: rows.filter(step=id)
            ),
        ),
        sort="came_at",
    )


def rows(automation: Automation) -> QuerySet[Enrolment]:
    """Whoever is held at a mail."""
    return people.rows(automation).filter(state=EnrolmentState.HELD)


def _because(rows: QuerySet[Enrolment], value: str) -> QuerySet[Enrolment]:
    return rows.filter(reason=value)


def _templates_of(automation: Automation) -> dict[tuple[int, str], str]:
    """The template of every mail step of every version, by version and step."""
    return {
        (version.pk, step["id"]): step["template"]
        for version in automation.versions.all()
        for step in version.definition["steps"]
        if step["type"] == "mail"
    }


def _look(reader: Any, templates: dict[tuple[int, str], str], row: Enrolment) -> SafeString | str:
    template = templates.get((row.version_id, row.step))
    if template is None or not permissions.allowed(reader, "content.edit"):
        return ""
    preview = f"{reverse('content:template', args=[template])}?person={row.subscriber.uuid}"
    return format_html('<a class="action-link" href="{}">{}</a>', preview, _("Look at it"))
