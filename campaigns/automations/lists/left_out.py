"""The list of whoever a trigger named and who did not come in."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy

from campaigns.automations import periods
from campaigns.automations.lists.cells import moment_column, person_column, searched_by
from campaigns.automations.models import Automation, LeftOut
from campaigns.automations.types import LeftOutReason
from personalize.core import clock
from personalize.core.registries import ListFilter
from personalize.dashboard.lists import Column, Lists

NAME = "left-out"


def kind_for(request: HttpRequest) -> Lists:
    """Whom a trigger named and who did not come in, with the reason."""
    reader = request.user
    return Lists(
        name=NAME,
        columns=(
            person_column(reader),
            Column(
                "reason",
                gettext_lazy("Why not"),
                lambda row: str(row.get_reason_display()),
                show=lambda row: format_html(
                    '<a class="number-link" href="{}">{}</a>',
                    reverse("automations:why", args=[row.automation.uuid, row.subscriber.uuid]),
                    row.get_reason_display(),
                ),
                sort=("reason",),
            ),
            Column("key", gettext_lazy("What for"), lambda row: row.entry_key, later=True, quiet=True),
            moment_column("at", gettext_lazy("When")),
        ),
        search=searched_by(reader),
        search_label=gettext_lazy("Name, address"),
        filters=(
            ListFilter(
                "reason",
                NAME,
                gettext_lazy("Why not"),
                lambda: LeftOutReason.choices,
                lambda rows, value: rows.filter(reason=value),
            ),
            ListFilter(
                "at",
                NAME,
                gettext_lazy("When"),
                periods.choices,
                lambda rows, value: periods.span(value, clock.now()).of(rows, "at"),
            ),
        ),
        sort="-at",
        export_action="people.export",
    )


def rows(automation: Automation) -> QuerySet[LeftOut]:
    """Whoever did not come in."""
    return LeftOut.objects.filter(automation=automation).select_related("subscriber", "automation")
