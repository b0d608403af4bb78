"""One automation: figures, drawing and step list; with the form of what is selected, saved as one goes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from campaigns.automations import addresses, editing, guard, services, words
from campaigns.automations.figures import figures, inside_by_version
from campaigns.automations.forms.entry import EntryForm, ExitRuleForm, ExitRules, SettingsForm, TriggerForm
from campaigns.automations.forms.steps import FORMS, FRESH, StepForm
from campaigns.automations.lists import people
from campaigns.automations.models import Automation, AutomationVersion
from campaigns.automations.nodes import ABOUT
from campaigns.automations.outline import Outline
from campaigns.automations.picture import ZOOMS, Painter
from campaigns.automations.published import definition_of
from campaigns.automations.types import OPEN, AutomationState, EnrolmentState, HeldReason, Problem
from personalize.core import registries
from personalize.core.clock import now
from personalize.core.permissions import allowed, require
from personalize.core.registries import Stat

TABS = ("steps", "people", "entry", "versions")
NEXT_DUE = 8


@require_GET
@require("report.view")
def detail(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """The automation as its draft says it, with the figures of everybody who was in any version."""
    return _page(request, _automation(uuid))


@require_POST
@require("automation.edit")
def save_step(request: HttpRequest, uuid: UUID, step: str) -> HttpResponseBase:
    """Let the selected step say what its form does."""
    automation = _automation(uuid)
    form = _step_form(automation, step, request.POST)
    if form is None:
        return _gone(request, automation)
    if not form.is_valid():
        return _page(request, automation, step=step, form=form, status=422)
    draft = editing.change(automation.draft, step, form.says())
    if draft is None:
        form.add_error(None, _("A way that has steps cannot be taken away. Move or remove its steps first."))
        return _page(request, automation, step=step, form=form, status=422)
    if not _saved(request, automation, draft=draft):
        return _page(request, automation, step=step, form=form, conflict=True, status=409)
    return redirect(addresses.url(automation, f"step={step}"))


@require_POST
@require("automation.edit")
def add_step(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Put a new step of a kind behind an outlet of another, and select it."""
    automation = _automation(uuid)
    kind = request.POST.get("type", "")
    if kind not in FRESH:
        return _gone(request, automation)
    id = editing.fresh_id(automation.draft, kind)
    body = {"id": id, "type": kind, **FRESH[kind]}
    draft = editing.insert_after(automation.draft, request.POST.get("after", ""), request.POST.get("outlet", ""), body)
    if draft is None:
        messages.error(request, _("It cannot stand there: nobody would come to the steps behind it."))
        return redirect(addresses.url(automation))
    if not _saved(request, automation, draft=draft):
        return _page(request, automation, conflict=True, status=409)
    return redirect(addresses.url(automation, f"step={id}"))


@require_POST
@require("automation.edit")
def remove_step(request: HttpRequest, uuid: UUID, step: str) -> HttpResponseBase:
    """Take a step out of the draft."""
    automation = _automation(uuid)
    draft = editing.remove(automation.draft, step)
    if draft is None:
        return _gone(request, automation)
    if not _saved(request, automation, draft=draft):
        return _page(request, automation, conflict=True, status=409)
    return redirect(addresses.url(automation))


@require_POST
@require("automation.edit")
def move_step(request: HttpRequest, uuid: UUID, step: str) -> HttpResponseBase:
    """Put a step behind another."""
    automation = _automation(uuid)
    after, _colon, outlet = request.POST.get("to", "").partition(":")
    draft = editing.move(automation.draft, step, after, outlet)
    if draft is None:
        messages.error(request, _("It cannot stand there."))
    elif not _saved(request, automation, draft=draft):
        return _page(request, automation, conflict=True, status=409)
    return redirect(addresses.url(automation, f"step={step}"))


@require_POST
@require("automation.edit")
def save_entry(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Let the draft say who comes in and what ends it, and the automation what it is called."""
    automation = _automation(uuid)
    entry = _entry_forms(automation, request.POST)
    if not all(form.is_valid() for form in entry.values()):  # Every form tells what is wrong, not the first alone.
        return _page(request, automation, tab="entry", entry=entry, status=422)
    draft = {**automation.draft, "trigger": entry["trigger"].says(), **entry["entry"].flags()}
    draft["entry"] = entry["entry"].says()
    kept = [form.says() for form in entry["exits"] if form not in entry["exits"].deleted_forms]
    draft["exits"] = [exit for exit in kept if exit]
    try:
        with transaction.atomic():
            saved = _saved(request, automation, draft=draft, **entry["settings"].cleaned_data)
    except IntegrityError:
        entry["settings"].add_error("name", _("There is an automation of this name already."))
        return _page(request, automation, tab="entry", entry=entry, status=422)
    if not saved:
        return _page(request, automation, tab="entry", entry=entry, conflict=True, status=409)
    return redirect(addresses.url(automation, "tab=entry"))


@require_POST
@require("automation.run")
def publish(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Freeze the draft: whoever comes in from now on gets it."""
    automation = _automation(uuid)
    found = services.publish(automation=automation, actor=request.user)
    if not isinstance(found, AutomationVersion):
        return _page(request, automation, found=found, status=422)
    messages.success(request, _("Version %(n)s is live.") % {"n": found.number})
    return redirect(addresses.url(automation))


@require_POST
@require("automation.run")
def pause(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Let nobody in and nobody on."""
    automation = _automation(uuid)
    if not services.turn_off(automation=automation, actor=request.user):
        messages.error(request, _("It is not live, so there is nothing to pause."))
    return _back(request, automation)


@require_POST
@require("automation.run")
def resume(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Let people in and on again."""
    automation = _automation(uuid)
    if not services.turn_on(automation=automation, actor=request.user):
        messages.error(request, _("It is not off, so there is nothing to turn on."))
    return _back(request, automation)


@require_POST
@require("automation.edit")
def restore(request: HttpRequest, uuid: UUID, number: int) -> HttpResponseBase:
    """Take what a version says back into the draft."""
    automation = _automation(uuid)
    version = get_object_or_404(automation.versions, number=number)
    if not _saved(request, automation, draft=version.definition):
        return _page(request, automation, tab="versions", conflict=True, status=409)
    messages.success(request, _("The draft is version %(n)s again.") % {"n": number})
    return redirect(addresses.url(automation))


# --- the page -----------------------------------------------------------------------------------------------------------


def _automation(uuid: UUID) -> Automation:
    return get_object_or_404(Automation.objects.select_related("topic", "sender", "live"), uuid=uuid)


def _back(request: HttpRequest, automation: Automation) -> HttpResponseBase:
    return redirect("automations:list") if request.POST.get("list") else redirect(addresses.url(automation))


def _gone(request: HttpRequest, automation: Automation) -> HttpResponseBase:
    messages.error(request, _("This step is not there any more."))
    return redirect(addresses.url(automation))


def _saved(request: HttpRequest, automation: Automation, **changes: Any) -> bool:
    """Whether the change was saved: it is not when somebody changed the automation since this page was shown."""
    shown = request.POST.get("lock_version", "")
    lock_version = int(shown) if shown.isdecimal() and len(shown) < 10 else -1
    return services.save_draft(automation=automation, lock_version=lock_version, actor=request.user, **changes)


def _step_form(automation: Automation, step: str, data: Any = None) -> StepForm | None:
    item = Outline.of(automation.draft).items.get(step)
    kind = FORMS.get(item.type) if item else None
    return kind(data, initial=kind.initial_of(item.body)) if kind and item else None


def _entry_forms(automation: Automation, data: Any = None) -> dict[str, Any]:
    draft = automation.draft
    exits = draft.get("exits")
    listed = (
        [ExitRuleForm.initial_of(exit) for exit in exits if isinstance(exit, dict)] if isinstance(exits, list) else []
    )
    return {
        "settings": SettingsForm(data, automation=automation),
        "trigger": TriggerForm(data, initial=TriggerForm.initial_of(draft.get("trigger"))),
        "entry": EntryForm(data, initial=EntryForm.initial_of(draft)),
        "exits": ExitRules(data, initial=listed, prefix="exits"),
    }


def _page(
    request: HttpRequest,
    automation: Automation,
    *,
    step: str = "",
    tab: str = "",
    form: forms.Form | None = None,
    entry: dict[str, Any] | None = None,
    found: list[Problem] | None = None,
    conflict: bool = False,
    status: int = 200,
) -> HttpResponseBase:
    """The whole page; what was typed stays in the forms given."""
    outline = Outline.of(automation.draft)
    can_edit = allowed(request.user, "automation.edit")
    step = step or request.GET.get("step", "")
    step = step if step in outline.items else ""
    tab = tab or request.GET.get("tab", "")
    tab = tab if tab in TABS else "steps"
    if conflict:
        # What somebody else saved is what the page shows beside the form that was not saved.
        automation.refresh_from_db()
        outline = Outline.of(automation.draft)
    problems = found if found is not None else services.problems_of(automation)
    counted = figures(automation, at=now())
    painter = Painter(automation, outline, counted, problems, words.Names(), request.user, step)
    latest = automation.versions.first()
    changed = automation.live is None or automation.draft != automation.live.definition
    context = {
        "automation": automation,
        "tab": tab,
        "step": outline.items.get(step),
        "form": (form or _step_form(automation, step)) if step and can_edit else None,
        "picture": painter.picture(_zoom(request)),
        "lines": painter.lines(),
        "painter": painter,
        "trigger": painter.trigger(),
        "stats": _stats(request, automation, counted),
        "late_news": _late_news(automation),
        "problems": problems,
        "kinds": [(key, words.ICONS[key], label) for key, label in words.KINDS.items()],
        "figures": counted,
        "next_number": (latest.number if latest else 0) + 1,
        "changed": changed,
        "conflict": conflict,
        "can_edit": can_edit,
        "can_run": allowed(request.user, "automation.run"),
        "state": AutomationState,
        "last": _last(outline),
        "ways": _ways(outline.items.get(step)),
        "goes_too": _titles(painter, editing.lost_with(automation.draft, step)) if step else [],
        "places": _places(painter, automation, step) if step and editing.movable(automation.draft, step) else [],
    }
    if tab == "entry":
        context["entry"] = entry or _entry_forms(automation)
        context["event_names"] = list(words.HAPPENS.items())
    elif tab == "people":
        context["next_due"] = (
            people.rows(automation).filter(state__in=OPEN, due_at__isnull=False).order_by("due_at")[:NEXT_DUE]
        )
    elif tab == "versions":
        context["versions"] = _versions(automation)
    # htmx shows answers that say all is well alone; what is wrong stands in the page.
    return render(
        request, "automations/detail.html", context, status=200 if request.headers.get("HX-Request") else status
    )


def _zoom(request: HttpRequest) -> int | None:
    wanted = request.GET.get("zoom", "")
    return int(wanted) if wanted in map(str, ZOOMS) else None


def _stats(request: HttpRequest, automation: Automation, counted: Any) -> list[Stat]:
    waiting = counted.inside - counted.held
    note = _("%(n)s waiting") % {"n": f"{waiting:,}"}
    if counted.held:
        note = _("%(waiting)s, %(n)s held") % {"waiting": note, "n": f"{counted.held:,}"}
    stats = [
        Stat(_("In it now"), f"{counted.inside:,}", note, addresses.people_url(automation)),
        Stat(
            _("Came in, 30 days"),
            f"{counted.came:,}",
            _("%(n)s people") % {"n": f"{counted.people:,}"},
            addresses.people_url(automation, f"view={addresses.EVERY}&came=30"),
        ),
        *(
            stat
            for source in registries.stats
            if source.page == "automation"
            for stat in source.stats(request, automation)
        ),
        Stat(
            _("Left out, 30 days"),
            f"{counted.left_out:,}",
            _("were named and did not come in"),
            addresses.left_out_url(automation, "at=30"),
        ),
    ]
    return stats


def _late_news(automation: Automation) -> dict[str, Any] | None:
    """That mails are held because news of what would end it are late, and how many; None when the news are fresh."""
    if automation.state != AutomationState.LIVE or automation.live is None:
        return None
    definition = definition_of(automation.live)
    if not guard.is_stale(definition, now()):
        return None
    return {
        "of_orders": all(ABOUT.get(name) == "order" for name in guard.exit_names(definition)),
        "held": automation.enrolments.filter(state=EnrolmentState.HELD, reason=HeldReason.STALE).count(),
    }


def _last(outline: Outline) -> tuple[str, str] | None:
    """Where a step at the very end would come: behind everything; nowhere when all leave before."""
    rows = [row for row in outline.rows() if not row.empty and row.depth == 0 and row.item.id in outline.joins]
    if not rows:
        return "", ""
    item = rows[-1].item
    if len(item.outlets) > 1:
        return item.id, editing.JOIN
    return (item.id, "next") if item.outlets else None


def _ways(item: Any) -> list[tuple[str, str]]:
    """The outlets of the selected step, with their words; what comes behind a whole fork last."""
    if item is None or not item.outlets:
        return []
    if len(item.outlets) == 1:
        return [("next", _("Step after it"))]
    named = [
        (name, _("Step under ‘%(way)s’") % {"way": words.way_words(item.type, name, item.body)})
        for name in item.outlets
    ]
    return [*named, (editing.JOIN, _("Step after all ways"))]


def _titles(painter: Painter, ids: list[str]) -> list[str]:
    return [words.step_words(painter.outline.items[id].body, painter.names).title for id in ids]


def _places(painter: Painter, automation: Automation, step: str) -> list[tuple[str, str]]:
    """Everywhere the selected step may be moved to, as (step:outlet, words)."""
    found: list[tuple[str, str]] = []
    if painter.outline.first != step:
        found.append((":", _("To the beginning")))
    for row in painter.outline.rows():
        item = row.item
        if row.empty or item.id == step:
            continue
        title = words.step_words(item.body, painter.names).title
        for outlet, to in item.outlets.items():
            if to == step:
                continue
            way = words.way_words(item.type, outlet, item.body) if len(item.outlets) > 1 else ""
            place = _("After ‘%(step)s’, %(way)s") if way else _("After ‘%(step)s’")
            found.append((f"{item.id}:{outlet}", place % {"step": title, "way": way}))
    return found


def _versions(automation: Automation) -> list[dict[str, Any]]:
    inside = inside_by_version(automation)
    return [
        {
            "version": version,
            "inside": inside.get(version.pk, 0),
            "url": addresses.people_url(automation, f"view=now&version={version.number}"),
            "live": version.pk == automation.live_id,
            "same": version.definition == automation.draft,
        }
        for version in automation.versions.select_related("created_by")
    ]
