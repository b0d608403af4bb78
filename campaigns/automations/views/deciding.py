"""Deciding about people selected in a list: asked with the figure first, done once that is confirmed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from uuid import UUID

from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from campaigns.automations import holding, leaving, moving, words
from campaigns.automations.lists import held, people
from campaigns.automations.models import Automation, Enrolment
from campaigns.automations.types import OPEN
from personalize.core.permissions import require
from personalize.dashboard.lists import SELECT_ALL, SELECT_ROW, selected

MOST_MOVED = 500
"""How many may be moved by hand at once: each is taken along one by one."""


@dataclass(frozen=True)
class Deed:
    """What may be done to a selection of the list ``of`` (on the page ``back``): ``act`` gives to how many it was done and
    ``told`` says so. To more than ``most`` it is not done."""

    of: ModuleType
    back: str
    act: Callable[[QuerySet[Enrolment], HttpRequest], int]
    told: Callable[[int], str]
    most: int | None = None


def _move(rows: QuerySet[Enrolment], request: HttpRequest) -> int:
    return moving.move_enrolments(enrolments=rows, step=request.POST.get("step", ""), actor=request.user)


DEEDS = {
    "release": Deed(
        held,
        "automations:held",
        lambda rows, request: holding.release(enrolments=rows, actor=request.user),
        lambda n: ngettext("%(n)s mail goes out.", "%(n)s mails go out.", n),
    ),
    "drop": Deed(
        held,
        "automations:held",
        lambda rows, request: holding.drop_mail(enrolments=rows, actor=request.user),
        lambda n: ngettext("%(n)s mail is left out.", "%(n)s mails are left out.", n),
    ),
    "take_out": Deed(
        people,
        "automations:people",
        lambda rows, request: leaving.take_out(enrolments=rows, actor=request.user),
        lambda n: ngettext("%(n)s person is out.", "%(n)s people are out.", n),
    ),
    "move": Deed(
        people,
        "automations:people",
        _move,
        lambda n: ngettext("%(n)s person was moved.", "%(n)s people were moved.", n),
        most=MOST_MOVED,
    ),
}


@require_POST
@require("automation.run")
def decide(request: HttpRequest, uuid: UUID, what: str) -> HttpResponseBase:
    """Ask about ``what``, one of DEEDS; what was confirmed is done to those of the selection who are still open."""
    automation = get_object_or_404(Automation, uuid=uuid)
    deed = DEEDS[what]
    found = selected(request, deed.of.kind_for(request, automation), deed.of.rows(automation))
    # An action touches rows by their keys: what a list sorts and joins is of no use to it.
    chosen = Enrolment.objects.filter(pk__in=found.order_by().values("pk"), state__in=OPEN)
    number = chosen.count()
    too_many = deed.most is not None and number > deed.most
    if request.POST.get("confirmed") and not too_many:
        done = deed.act(chosen, request)
        messages.success(request, deed.told(done) % {"n": intcomma(done)})
        return redirect(deed.back, automation.uuid)
    context = {
        "automation": automation,
        "what": what,
        "back": deed.back,
        "number": number,
        "some": [row.subscriber for row in chosen.select_related("subscriber")[:5]],
        "rows": request.POST.getlist(SELECT_ROW),
        "all": request.POST.get(SELECT_ALL),
        "steps": list(words.titles_of(automation).items()) if what == "move" else [],
        "too_many": too_many,
        "most": deed.most,
    }
    return render(request, "automations/decide.html", context)
