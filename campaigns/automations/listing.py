"""Automations and the people in them as lists: columns, filters, views, and what a search finds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import partial
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns.automations import figures, words
from campaigns.automations.models import Automation, Enrolment, LeftOut, StepVisit
from campaigns.automations.outline import Outline
from campaigns.automations.types import OPEN, AutomationState, EnrolmentState, HeldReason, LeftOutReason, Visit
from campaigns.delivery.types import MessageState
from personalize.core import clock, permissions
from personalize.core.registries import ListFilter, ListView, SearchHit
from personalize.dashboard.figures import zone_name
from personalize.dashboard.lists import Column, Lists
from personalize.dashboard.templatetags.dashboard import count, face, icon, moment, state
from segments.subscribers.models import Subscriber
from segments.subscribers.people import address_for, find

AUTOMATIONS, PEOPLE, HELD, LEFT_OUT = "automations", "enrolments", "held-mails", "left-out"
STATE_TONES = {AutomationState.LIVE: "good", AutomationState.OFF: "warn"}
SENT, CLICKED = "sent", "clicked"
EVERY = "all"


def url(automation: Automation, query: str = "") -> str:
    """The page of an automation."""
    return reverse("automations:detail", args=[automation.uuid]) + (f"?{query}" if query else "")


def people_url(automation: Automation, query: str = "") -> str:
    """The list of the people in an automation."""
    return reverse("automations:people", args=[automation.uuid]) + (f"?{query}" if query else "")


def left_out_url(automation: Automation, query: str = "") -> str:
    """The list of whoever did not come in."""
    return reverse("automations:left_out", args=[automation.uuid]) + (f"?{query}" if query else "")


def hits(reader: Any, words: str, limit: int) -> list[SearchHit]:
    """Automations for the search field, by name."""
    if not permissions.allowed(reader, "report.view"):
        return []
    found = Automation.objects.filter(name__icontains=words)[:limit]
    return [SearchHit(one.name, str(one.get_state_display()), url(one)) for one in found]


# --- automations --------------------------------------------------------------------------------------------------------


def automations_for(request: HttpRequest) -> Lists:
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
        name=AUTOMATIONS,
        columns=columns,
        search=lambda rows, asked: rows.filter(Q(name__icontains=asked) | Q(description__icontains=asked)),
        search_label=gettext_lazy("Name"),
        views=(
            ListView(EVERY, AUTOMATIONS, gettext_lazy("All"), lambda rows: rows),
            *(
                ListView(key, AUTOMATIONS, label, lambda rows, key=key: rows.filter(state=key))  # type: ignore[misc]
                for key, label in by_state.items()
            ),
        ),
        sort="name",
        page_size=30,
    )


def automations(at: dt.datetime) -> QuerySet[Automation]:
    """All automations with ``inside``, ``held`` and ``came`` (in the last thirty days)."""
    open_ = Q(enrolments__state__in=OPEN)
    return Automation.objects.annotate(
        inside=Count("enrolments", filter=open_),
        held=Count("enrolments", filter=Q(enrolments__state=EnrolmentState.HELD)),
        came=Count("enrolments", filter=Q(enrolments__created_at__gte=at - figures.SPAN)),
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


# --- people -------------------------------------------------------------------------------------------------------------


def people(automation: Automation) -> QuerySet[Enrolment]:
    """Everybody's way through an automation, with the person and the version."""
    return Enrolment.objects.filter(automation=automation).select_related("subscriber", "version__automation")


def people_for(request: HttpRequest, automation: Automation) -> Lists:
    """The list of who is or was in an automation, as the reader may see them."""
    reader = request.user
    titles = titles_of(automation)
    zone = zone_name()
    return Lists(
        name=PEOPLE,
        columns=(
            Column(
                "person",
                gettext_lazy("Person"),
                lambda row: address_for(reader, row.subscriber),
                show=partial(_person, reader),
            ),
            Column(
                "step",
                gettext_lazy("Step"),
                lambda row: titles.get(row.step, row.step),
                show=_at(titles),
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
            _moment("came_at", gettext_lazy("There since")),
            Column(
                "due",
                _("Goes on, %(zone)s time") % {"zone": zone},
                lambda row: row.due_at.isoformat() if row.due_at else "",
                show=_due,
                sort=("due_at",),
                missing_last=True,
            ),
            Column("version", gettext_lazy("Version"), lambda row: row.version.number, number=True, later=True),
            _moment("created_at", gettext_lazy("Came in"), quiet=True),
            Column("ended", gettext_lazy("Ended"), _ended_plain, only_exported=True),
        ),
        search=lambda rows, asked: rows.filter(subscriber__in=find(reader, Subscriber.objects.all(), asked)),
        search_label=gettext_lazy("Name, address"),
        views=(
            ListView("now", PEOPLE, gettext_lazy("In it now"), lambda rows: rows.filter(state__in=OPEN)),
            ListView("held", PEOPLE, gettext_lazy("Held"), lambda rows: rows.filter(state=EnrolmentState.HELD)),
            ListView("over", PEOPLE, gettext_lazy("Over"), lambda rows: rows.exclude(state__in=OPEN)),
            ListView(EVERY, PEOPLE, gettext_lazy("All"), lambda rows: rows),
        ),
        filters=(
            ListFilter(
                "step",
                PEOPLE,
                gettext_lazy("Step"),
                lambda: list(titles.items()),
                lambda rows, id: rows.filter(step=id),
            ),
            ListFilter("state", PEOPLE, gettext_lazy("State"), lambda: EnrolmentState.choices, _in_state),
            ListFilter(
                "met", PEOPLE, gettext_lazy("Met, 30 days"), lambda: _meetings(automation, titles), _met(automation)
            ),
            ListFilter("left", PEOPLE, gettext_lazy("Left at, 30 days"), lambda: _exits(automation, titles), _left),
            ListFilter("came", PEOPLE, gettext_lazy("Came in"), lambda: [("30", _("in the last 30 days"))], _came),
            ListFilter("version", PEOPLE, gettext_lazy("Version"), lambda: _versions(automation), _of_version),
        ),
        sort="due",
        export_action="people.export",
    )


def titles_of(automation: Automation) -> dict[str, str]:
    """What the steps are called, by id: those of the draft, of the live version and of all before it."""
    names = words.Names()
    found: dict[str, str] = {}
    for definition in [*reversed([version.definition for version in automation.versions.all()]), automation.draft]:
        for item in Outline.of(definition).items.values():
            found[item.id] = words.step_words(item.body, names).title
    return found


def _person(reader: Any, row: Enrolment) -> SafeString:
    person = row.subscriber
    address = address_for(reader, person)
    return format_html(
        '<div class="person">{}<div class="lines"><a class="row-link" href="{}">{}</a><span class="second">{}</span></div></div>',
        face(person.full_name or address, person.uuid),
        reverse("subscribers:detail", args=[person.uuid]),
        person.full_name or address or _("No name"),
        address if person.full_name else "",
    )


def _at(titles: dict[str, str]) -> Callable[[Enrolment], Any]:
    return lambda row: format_html('<span class="cut">{}</span>', titles.get(row.step, row.step) or "–")


def _state_words(row: Enrolment) -> str:
    reason = reason_of(row)
    label = str(row.get_state_display())
    return f"{label}: {reason}" if reason else label


def reason_of(row: Enrolment) -> str:
    """Why somebody is held, left or failed, in words."""
    if row.reason in HeldReason.values:
        return str(HeldReason(row.reason).label)
    return words.reason_words(row.reason) if row.reason else ""


def _enrolment_state(row: Enrolment) -> SafeString:
    tones = {
        EnrolmentState.HELD: "warn",
        EnrolmentState.FAILED: "bad",
        EnrolmentState.ACTIVE: "good",
        EnrolmentState.WAITING: "info",
    }
    label = state(row.get_state_display(), tones.get(EnrolmentState(row.state), ""))
    reason = reason_of(row)
    why = reverse("automations:why", args=[row.version.automation.uuid, row.subscriber.uuid])
    return format_html('{}<a class="enrolment-reason" href="{}">{}</a>', label, why, reason or _("Why?"))


def _due(row: Enrolment) -> SafeString | str:
    if row.due_at:
        return moment(row.due_at)
    return "–" if row.ended_at or row.state == EnrolmentState.HELD else _("when it happens")


def _ended_plain(row: Enrolment) -> str:
    return row.ended_at.isoformat() if row.ended_at else ""


def _moment(name: str, label: Any, *, quiet: bool = False) -> Column:
    return Column(
        name,
        label,
        lambda row: getattr(row, name).isoformat(),
        show=lambda row: moment(getattr(row, name)),
        sort=(name,),
        later=True,
        quiet=quiet,
    )


def _in_state(rows: QuerySet[Enrolment], value: str) -> QuerySet[Enrolment]:
    return rows.filter(state=value)


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
    return rows.filter(created_at__gte=_lately())


def _versions(automation: Automation) -> list[tuple[str, str]]:
    numbers = automation.versions.values_list("number", flat=True)
    return [(str(number), _("version %(n)s") % {"n": number}) for number in numbers]


def _of_version(rows: QuerySet[Enrolment], value: str) -> QuerySet[Enrolment]:
    return rows.filter(version__number=value)


# --- held ---------------------------------------------------------------------------------------------------------------


def held_for(request: HttpRequest, automation: Automation) -> Lists:
    """The mails that are held, each with the person it is for and why; whoever may decides about them here."""
    reader = request.user
    titles = titles_of(automation)
    return Lists(
        name=HELD,
        columns=(
            Column(
                "person",
                gettext_lazy("Person"),
                lambda row: address_for(reader, row.subscriber),
                show=partial(_person, reader),
            ),
            Column("mail", gettext_lazy("Mail"), lambda row: titles.get(row.step, row.step), show=_at(titles)),
            Column("reason", gettext_lazy("Why it is held"), reason_of, quiet=True, later=True),
            _moment("came_at", gettext_lazy("Since")),
            Column("look", "", lambda row: "", show=partial(_look, reader, _templates_of(automation))),
        ),
        search=lambda rows, asked: rows.filter(subscriber__in=find(reader, Subscriber.objects.all(), asked)),
        search_label=gettext_lazy("Name, address"),
        filters=(
            ListFilter("reason", HELD, gettext_lazy("Why"), lambda: HeldReason.choices, _because),
            ListFilter(
                "step", HELD, gettext_lazy("Mail"), lambda: list(titles.items()), lambda rows, id: rows.filter(step=id)
            ),
        ),
        sort="came_at",
    )


def held(automation: Automation) -> QuerySet[Enrolment]:
    """Whoever is held at a mail."""
    return people(automation).filter(state=EnrolmentState.HELD)


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


# --- left out -----------------------------------------------------------------------------------------------------------


def left_out_for(request: HttpRequest) -> Lists:
    """Whom a trigger named and who did not come in, with the reason."""
    reader = request.user
    return Lists(
        name=LEFT_OUT,
        columns=(
            Column(
                "person",
                gettext_lazy("Person"),
                lambda row: address_for(reader, row.subscriber),
                show=partial(_person, reader),
            ),
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
            _moment("at", gettext_lazy("When")),
        ),
        search=lambda rows, asked: rows.filter(subscriber__in=find(reader, Subscriber.objects.all(), asked)),
        search_label=gettext_lazy("Name, address"),
        filters=(
            ListFilter(
                "reason",
                LEFT_OUT,
                gettext_lazy("Why not"),
                lambda: LeftOutReason.choices,
                lambda rows, value: rows.filter(reason=value),
            ),
            ListFilter(
                "at",
                LEFT_OUT,
                gettext_lazy("When"),
                lambda: [("30", _("in the last 30 days"))],
                lambda rows, value: rows.filter(at__gte=_lately()),
            ),
        ),
        sort="-at",
        export_action="people.export",
    )


def left_out(automation: Automation) -> QuerySet[LeftOut]:
    """Whoever did not come in."""
    return LeftOut.objects.filter(automation=automation).select_related("subscriber", "automation")


# --- versions -----------------------------------------------------------------------------------------------------------


def inside_by_version(automation: Automation) -> dict[int, int]:
    """How many people are in each version now, by its primary key."""
    rows = Enrolment.objects.filter(automation=automation, state__in=OPEN).order_by()
    return dict(rows.values_list("version").annotate(n=Count("pk")))
