"""The list of the people in an automation: where each of them is, or how it ended."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.automations import figures, periods, words
from campaigns.automations.addresses import CLICKED, EVERY, SENT
from campaigns.automations.lists.cells import at_step, moment_column, person_column, searched_by
from campaigns.automations.models import Automation, Enrolment, StepVisit
from campaigns.automations.types import OPEN, EnrolmentState, Visit
from campaigns.delivery.types import MessageState
from personalize.core import clock
from personalize.core.registries import ListFilter, ListView
from personalize.dashboard.figures import zone_name
from personalize.dashboard.lists import Column, Lists
from personalize.dashboard.templatetags.dashboard import moment, state

NAME = "enrolments"


def rows(automation: Automation) -> QuerySet[Enrolment]:
    """Everybody's way through an automation, with the person and the version."""
    return Enrolment.objects.filter(automation=automation).select_related("subscriber", "version__automation")


def kind_for(request: HttpRequest, automation: Automation) -> Lists:
    """The list of who is or was in an automation, as the reader may see them."""
    reader = request.user
    titles = words.titles_of(automation)
    zone = zone_name()
    return Lists(
        name=NAME,
        columns=(
            person_column(reader),
            Column(
                "step",
                gettext_lazy("Step"),
                lambda row: titles.get(row.step, row.step),
                show=at_step(titles),
                sort=("step",),
            ),
            Column(
                "state",
                gettext_lazy("State"),
                _state_words,
                show=_enrolment_state,
                sort=("state", "reason"),
                later=True,
            ),
            moment_column("came_at", gettext_lazy("There since")),
            Column(
                "due",
                _("Goes on, %(zone)s time") % {"zone": zone},
                lambda row: row.due_at.isoformat() if row.due_at else "",
                show=_due,
                sort=("due_at",),
                missing_last=True,
            ),
            Column("version", gettext_lazy("Version"), lambda row: row.version.number, number=True, later=True),
            moment_column("created_at", gettext_lazy("Came in"), quiet=True),
            Column("ended", gettext_lazy("Ended"), _ended_plain, only_exported=True),
        ),
        search=searched_by(reader),
        search_label=gettext_lazy("Name, address"),
        views=(
            ListView("now", NAME, gettext_lazy("In it now"), lambda rows: rows.filter(state__in=OPEN)),
            ListView("held", NAME, gettext_lazy("Held"), lambda rows: rows.filter(state=EnrolmentState.HELD)),
            ListView("over", NAME, gettext_lazy("Over"), lambda rows: rows.exclude(state__in=OPEN)),
            ListView(EVERY, NAME, gettext_lazy("All"), lambda rows: rows),
        ),
        filters=(
            ListFilter(
                "step",
                NAME,
                gettext_lazy("Step"),
                lambda: list(titles.items()),
                lambda rows, id: rows.filter(step=id),
            ),
            ListFilter("state", NAME, gettext_lazy("State"), lambda: EnrolmentState.choices, _in_state),
            ListFilter("reason", NAME, gettext_lazy("Reason"), lambda: _reasons(automation), _because),
            ListFilter(
                "met", NAME, gettext_lazy("Met, 30 days"), lambda: _meetings(automation, titles), _met(automation)
            ),
            ListFilter("left", NAME, gettext_lazy("Left at, 30 days"), lambda: _exits(automation, titles), _left),
            ListFilter("came", NAME, gettext_lazy("Came in"), periods.choices, _came),
            ListFilter("version", NAME, gettext_lazy("Version"), lambda: _versions(automation), _of_version),
        ),
        sort="due",
        export_action="people.export",
    )


def _state_words(row: Enrolment) -> str:
    reason = words.reason_words(row.reason)
    label = str(row.get_state_display())
    return f"{label}: {reason}" if reason else label


def _enrolment_state(row: Enrolment) -> SafeString:
    tones = {
        EnrolmentState.HELD: "warn",
        EnrolmentState.FAILED: "bad",
        EnrolmentState.ACTIVE: "good",
        EnrolmentState.WAITING: "info",
    }
    label = state(row.get_state_display(), tones.get(EnrolmentState(row.state), ""))
    reason = words.reason_words(row.reason)
    why = reverse("automations:why", args=[row.version.automation.uuid, row.subscriber.uuid])
    return format_html('{}<a class="enrolment-reason" href="{}">{}</a>', label, why, reason or _("Why?"))


def _due(row: Enrolment) -> SafeString | str:
    if row.due_at:
        return moment(row.due_at)
    return "–" if row.ended_at or row.state == EnrolmentState.HELD else _("when it happens")


def _ended_plain(row: Enrolment) -> str:
    return row.ended_at.isoformat() if row.ended_at else ""


def _in_state(rows: QuerySet[Enrolment], value: str) -> QuerySet[Enrolment]:
    return rows.filter(state=value)


def _reasons(automation: Automation) -> list[tuple[str, str]]:
    given = Enrolment.objects.filter(automation=automation, reason__gt="")
    return [
        (reason, words.reason_words(reason))
        for reason in given.order_by("reason").values_list("reason", flat=True).distinct()
    ]


def _because(rows: QuerySet[Enrolment], value: str) -> QuerySet[Enrolment]:
    return rows.filter(reason=value)


def _lately() -> dt.datetime:
    return clock.now() - figures.SPAN


def _meetings(automation: Automation, titles: dict[str, str]) -> list[tuple[str, str]]:
    """What may have become of people at the steps, for the filter: every outcome that some had, sent and clicked mails."""
    seen = (
        StepVisit.objects.filter(enrolment__automation=automation, at__gte=_lately())
        .order_by("step", "outcome")
        .values_list("step", "outcome")
        .distinct()
    )
    found = [(f"{id}:{outcome}", f"{titles.get(id, id)}: {Visit(outcome).label}") for id, outcome in seen]
    for id in sorted(set(figures.mail_owners(automation).values())):
        title = titles.get(id, id)
        found += [(f"{id}:{SENT}", f"{title}: {_('Sent')}"), (f"{id}:{CLICKED}", f"{title}: {_('Clicked')}")]
    return found


def _met(automation: Automation) -> Callable[[QuerySet[Enrolment], str], QuerySet[Enrolment]]:
    def narrow(rows: QuerySet[Enrolment], value: str) -> QuerySet[Enrolment]:
        id, _colon, outcome = value.rpartition(":")
        if outcome in (SENT, CLICKED):
            owners = [owner for owner, step in figures.mail_owners(automation).items() if step == id]
            mails = figures.messages(owners).filter(state=MessageState.SENT, created_at__gte=_lately())
            if outcome == CLICKED:
                mails = mails.filter(clicked_at__isnull=False)
            return rows.filter(visits__in=StepVisit.objects.filter(step=id, message__in=mails.values("uuid")))
        visits = StepVisit.objects.filter(enrolment=OuterRef("pk"), step=id, outcome=outcome, at__gte=_lately())
        return rows.filter(Exists(visits))

    return narrow


def _exits(automation: Automation, titles: dict[str, str]) -> list[tuple[str, str]]:
    left = Enrolment.objects.filter(automation=automation, ended_at__gte=_lately()).exclude(state=EnrolmentState.DONE)
    pairs = left.order_by("step", "reason").values_list("step", "reason").distinct()
    return [
        *((f"{id}:{reason}", f"{titles.get(id, id)}: {words.reason_words(reason)}") for id, reason in pairs),
        (":done", str(EnrolmentState.DONE.label)),
    ]


def _left(rows: QuerySet[Enrolment], value: str) -> QuerySet[Enrolment]:
    id, _colon, reason = value.rpartition(":")
    ended = rows.filter(ended_at__gte=_lately())
    if value == ":done":
        return ended.filter(state=EnrolmentState.DONE)
    return ended.exclude(state=EnrolmentState.DONE).filter(step=id, reason=reason)


def _came(rows: QuerySet[Enrolment], value: str) -> QuerySet[Enrolment]:
    found: QuerySet[Enrolment] = periods.span(value, clock.now()).of(rows, "created_at")
    return found


def _versions(automation: Automation) -> list[tuple[str, str]]:
    numbers = automation.versions.values_list("number", flat=True)
    return [(str(number), _("version %(n)s") % {"n": number}) for number in numbers]


def _of_version(rows: QuerySet[Enrolment], value: str) -> QuerySet[Enrolment]:
    return rows.filter(version__number=value)
