"""Moving everybody who is on an older version of an automation to the live one: a map of steps, a preview, the deed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.automations import addresses, moving, words
from campaigns.automations.forms.people import StepMapForm
from campaigns.automations.models import Automation, AutomationVersion
from campaigns.automations.moving import Moved
from campaigns.automations.outline import Item, Outline
from personalize.core.permissions import require


@dataclass(frozen=True)
class Line:
    """People at one step of the old version: its title, who they are, the title of the one they go to, what that means.

    ``to`` is "" for those who stay.
    """

    title: str
    moved: Moved
    url: str
    to: str
    meaning: str


@require("automation.run")
def move(request: HttpRequest, uuid: UUID, number: int) -> HttpResponseBase:
    """The map, then its preview; posted as it was previewed, the people are moved."""
    automation = get_object_or_404(Automation.objects.select_related("live"), uuid=uuid)
    old, new = get_object_or_404(automation.versions, number=number), automation.live
    if new is None or old == new:
        messages.error(request, _("People move from an older version to the live one."))
        return redirect(addresses.url(automation, "tab=versions"))
    titles, targets = _titles(old), _titles(new)
    here = moving.preview_migration(old=old, new=new, step_map={})
    form = StepMapForm(
        request.POST or (request.GET if "preview" in request.GET else None),
        old={one.step: titles[one.step] for one in here if one.step in titles},
        new=targets,
    )
    if request.method == "POST" and form.is_valid():
        if request.POST.get("to") == str(new.number):
            moved = moving.migrate(
                automation=automation, old=old, new=new, step_map=form.step_map(), actor=request.user
            )
            _tell(request, moved, new)
            return redirect(addresses.url(automation, "tab=versions"))
        messages.error(request, _("Another version was published in the meantime, so nobody was moved. Look again."))
    previewed = form.is_valid() and "change" not in request.GET
    plan = moving.preview_migration(old=old, new=new, step_map=form.step_map()) if previewed else here
    context = {
        "automation": automation,
        "old": old,
        "new": new,
        "form": form,
        "previewed": previewed,
        "fields": [(line, form[f"step-{line.moved.step}"]) for line in _lines(old, new, plan)],
        "people": sum(one.people for one in plan),
        "moves": sum(one.people for one in plan if one.to is not None),
    }
    return render(request, "automations/move_version.html", context, status=422 if form.errors else 200)


def _titles(version: AutomationVersion) -> dict[str, str]:
    """The steps of a version by id, in their order, with their place in it: two waits of a day have one title."""
    names = words.Names()
    items = Outline.of(version.definition).items.values()
    return {
        item.id: f"{place}. {words.step_words(item.body, names).title}" for place, item in enumerate(items, start=1)
    }


def _lines(old: AutomationVersion, new: AutomationVersion, plan: Sequence[Moved]) -> list[Line]:
    """The plan in the order of the old version's steps."""
    titles, targets, steps = _titles(old), _titles(new), Outline.of(new.definition).items
    by_step = {one.step: one for one in plan}
    return [
        Line(
            title,
            one,
            addresses.people_url(old.automation, f"view=now&version={old.number}&step={step}"),
            targets[one.to] if one.to is not None else "",
            _meaning(one, steps),
        )
        for step, title in titles.items()
        if (one := by_step.get(step))
    ]


def _meaning(one: Moved, steps: Mapping[str, Item]) -> str:
    if one.to is None:
        return _("Nothing changes for them")
    if not steps[one.to].type.startswith("wait"):
        return _("It happens to them at once")
    return _("The time they have waited counts") if one.waits_on else _("They wait from now on")


def _tell(request: HttpRequest, moved: int, new: AutomationVersion) -> None:
    said = ngettext("%(n)s person is on version %(new)s now.", "%(n)s people are on version %(new)s now.", moved)
    messages.success(request, said % {"n": intcomma(moved), "new": new.number})
