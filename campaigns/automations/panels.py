"""What automations bring to other pages: the menu, search, Home, a person's page, and "used by"."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import Count
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.automations import addresses, guard, words
from campaigns.automations.figures import SPAN
from campaigns.automations.lists import held, people
from campaigns.automations.models import Automation, Enrolment
from campaigns.automations.types import OPEN, OWNER_KIND, AutomationState, EnrolmentState
from personalize.core import permissions, registries
from personalize.core.clock import now
from personalize.core.registries import (
    BulkAction,
    FirstRunStep,
    MailSource,
    MenuEntry,
    PageAction,
    Panel,
    SearchHit,
    SearchSource,
    Span,
    Stat,
    StatSource,
    Tab,
    TimelineEntry,
    TimelineSource,
    UsageSource,
    Use,
)
from segments.segmentation.usages import attributes_in, lists_in, named, products_in, segments_in, topics_in
from segments.subscribers.models import Subscriber


def register() -> None:
    """Put everything in its place; called once when the app is ready."""
    registries.menu.add(
        MenuEntry(
            "automations",
            gettext_lazy("Automations"),
            "account_tree",
            "automations:list",
            "report.view",
            order=25,
            count=_live,
        )
    )
    registries.creations.add(
        MenuEntry(
            "automation", gettext_lazy("Automation"), "account_tree", "automations:recipes", "automation.edit", order=20
        )
    )
    registries.search.add(SearchSource("automations", gettext_lazy("Automations"), hits, order=25))
    registries.panels.add(Panel("automations.held", "home.main", "automations/_held.html", _held, order=10))
    registries.panels.add(Panel("automations.person", "subscriber.side", "automations/_person.html", _inside, order=30))
    registries.timeline.add(TimelineSource("automations", gettext_lazy("Automations"), entries, count, order=60))
    registries.first_run.add(
        FirstRunStep(
            "automation",
            gettext_lazy("Start an automation"),
            gettext_lazy("A welcome, a forgotten cart, a birthday: mails that go out by themselves."),
            lambda: reverse("automations:recipes"),
            lambda: Automation.objects.exclude(state=AutomationState.DRAFT).exists(),
            order=95,
        )
    )
    registries.actions.add(
        PageAction(
            "automations.put_in",
            "subscriber",
            lambda _person: _("Put into an automation…"),
            "account_tree",
            _put_in,
            "automation.run",
            order=50,
        )
    )
    registries.stats.add(StatSource("automations.guard", "automation", _after_an_order, order=20))
    registries.tabs.add(
        Tab(
            "settings-endpoints",
            "settings",
            gettext_lazy("Endpoints"),
            lambda _target: reverse("automations:endpoints"),
            order=65,
        )
    )
    registries.mail_sources.add(MailSource(OWNER_KIND, _explained))
    registries.actions.add(
        PageAction(
            "automations.simulate",
            "automation",
            lambda _automation: _("Simulate"),
            "fast_forward",
            lambda automation: reverse("automations:simulate", args=[automation.uuid]),
            "report.view",
            order=20,
        )
    )
    edited = {"segment": gettext_lazy("It asks by the new rule from then on; the edit itself brings nobody in.")}
    for kind, found in USED.items():
        registries.usages.add(
            UsageSource(f"automations.{kind}", kind, *_uses(kind, found), edited=edited.get(kind, ""))
        )
    for key, label, icon, page in (
        ("move", gettext_lazy("Move to a step"), "move_down", people.NAME),
        ("take_out", gettext_lazy("Take out"), "logout", people.NAME),
        ("release", gettext_lazy("Let them go out"), "send", held.NAME),
        ("drop", gettext_lazy("Leave them out"), "block", held.NAME),
    ):
        registries.bulk_actions.add(
            BulkAction(f"automations.{key}", page, label, icon, _on_page(key), "automation.run")
        )


def _explained(message: Any, person: Subscriber) -> str | None:
    group = message.mailing.group
    return reverse("automations:why", args=[group, person.uuid]) if group else None


def _on_page(name: str) -> Callable[[HttpRequest], str | None]:
    """Where a selection in the list of an automation is posted."""

    def url(request: HttpRequest) -> str | None:
        match = request.resolver_match
        return reverse(f"automations:{name}", args=[match.kwargs["uuid"]]) if match else None

    return url


def hits(reader: Any, asked: str, limit: int) -> list[SearchHit]:
    """Automations for the search field, by name."""
    if not permissions.allowed(reader, "report.view"):
        return []
    found = Automation.objects.filter(name__icontains=asked)[:limit]
    return [SearchHit(one.name, str(one.get_state_display()), addresses.url(one)) for one in found]


def _live() -> int | None:
    return Automation.objects.filter(state=AutomationState.LIVE).count() or None


def _held(request: HttpRequest, target: Any) -> dict[str, Any] | None:
    """Mails that wait for somebody to decide; for those who may."""
    if not permissions.allowed(request.user, "automation.run"):
        return None
    rows = Enrolment.objects.filter(state=EnrolmentState.HELD).order_by()
    found = dict(rows.values_list("automation").annotate(n=Count("pk")))
    automations = Automation.objects.filter(pk__in=found)
    lines = [{"automation": one, "held": found[one.pk]} for one in automations]
    return {"lines": lines} if lines else None


def _after_an_order(request: HttpRequest, automation: Automation) -> list[Stat]:
    """How many mails would not have gone out, had their news come in time; where an event ends the automation."""
    names = guard.ending_names(automation)
    if not names:
        return []
    found = guard.false_positives(automation=automation, since=now() - SPAN)
    value = _("%(n)s of %(sent)s") % {"n": f"{found.number:,}", "sent": f"{found.sent:,}"} if found.sent else None
    if "order_placed" in names:
        return [Stat(_("After an order"), value, _("mails sent as the order was heard of too late"))]
    return [Stat(_("After its end"), value, _("mails sent as the news came too late"))]


# --- a person -----------------------------------------------------------------------------------------------------------


def _put_in(person: Subscriber) -> str | None:
    """Where somebody is put into an automation; nowhere when none is live."""
    live = Automation.objects.filter(state=AutomationState.LIVE).exists()
    return reverse("automations:put_person_in", args=[person.uuid]) if live and person.erased_at is None else None


def _inside(request: HttpRequest, person: Subscriber) -> dict[str, Any] | None:
    """The automations a person is in now."""
    rows = Enrolment.objects.filter(subscriber=person, state__in=OPEN).select_related("automation", "version")
    names = words.Names()
    found = [
        {"row": row, "at": _step_title(row, names), "reason": words.reason_words(row.reason)}
        for row in rows.order_by("-pk")[:5]
    ]
    return {"found": found} if found else None


def _step_title(row: Enrolment, names: words.Names) -> str:
    body = next((step for step in row.version.definition["steps"] if step["id"] == row.step), None)
    return words.step_words(body, names).title if body else ""


def count(person: Subscriber) -> int:
    """How many automations a person came into."""
    return Enrolment.objects.filter(subscriber=person).count()


def entries(person: Subscriber, limit: int, span: Span) -> Iterable[TimelineEntry]:
    """Coming in and leaving, newest first."""
    rows = Enrolment.objects.filter(subscriber=person).select_related("automation", "subscriber")
    came = [_came(row) for row in span.of(rows, "created_at").order_by("-created_at", "-pk")[:limit]]
    ended = rows.filter(ended_at__isnull=False)
    left = [_ended(row) for row in span.of(ended, "ended_at").order_by("-ended_at", "-pk")[:limit]]
    return sorted([*left, *came], key=lambda entry: entry.at, reverse=True)[:limit]


def _came(row: Enrolment) -> TimelineEntry:
    return TimelineEntry(row.created_at, "automations", "account_tree", _("Came into"), _quoted(row), url=_way(row))


def _ended(row: Enrolment) -> TimelineEntry:
    done = row.state == EnrolmentState.DONE
    verb = _("Came to the end of") if done else _("Left")
    detail = "" if done else words.reason_words(row.reason)
    icon = "flag" if done else "logout"
    # It ended on the instant at which all that is known of it ends.
    return TimelineEntry(row.ended_at or row.created_at, "automations", icon, verb, _quoted(row), detail, url=_way(row))


def _way(row: Enrolment) -> str:
    return reverse("automations:why", args=[row.automation.uuid, row.subscriber.uuid])


def _quoted(row: Enrolment) -> str:
    return _("‘%(name)s’") % {"name": row.automation.name}


# --- used by ------------------------------------------------------------------------------------------------------------


def _templates(definition: Any) -> set[str]:
    return set(named(definition, "template"))


def _endpoints(definition: Any) -> set[str]:
    return set(named(definition, "endpoint"))


def _attributes(definition: Any) -> set[str]:
    fields = {*named(definition, "attribute"), *named(definition, "field")}
    return {*attributes_in(definition), *fields}


USED: dict[str, Callable[[Any], set[str]]] = {
    "template": _templates,
    "segment": segments_in,
    "list": lists_in,
    "topic": topics_in,
    "attribute": _attributes,
    "product": products_in,
    "endpoint": _endpoints,
}
"""What a definition names, by the kind of thing."""

_KEYS = {"topic": "key", "attribute": "key", "product": "code"}
"""By which of its fields a thing is named; all others by their uuid."""


def _uses(
    kind: str, names: Callable[[Any], set[str]]
) -> tuple[Callable[[Any], list[Use]], Callable[[], dict[str, list[Use]]]]:
    def table() -> dict[str, list[Use]]:
        found: dict[str, list[Use]] = {}
        for one in Automation.objects.select_related("live", "topic"):
            said = names(one.draft) | (names(one.live.definition) if one.live else set())
            if kind == "topic" and one.topic:
                said.add(one.topic.key)
            use = (one.name, str(one.get_state_display()), addresses.url(one))
            for name in said:
                found.setdefault(name, []).append(use)
        return found

    def uses(target: Any) -> list[Use]:
        return table().get(str(getattr(target, _KEYS.get(kind, "uuid"))), [])

    return uses, table
