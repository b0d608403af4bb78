"""Pages of static lists, and what is done with people selected in a list."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from personalize.core import permissions, registries
from personalize.core.permissions import require
from personalize.dashboard.lists import SELECT_ALL, SELECT_ROW, ListPage, selected
from segments.subscribers import lists, people
from segments.subscribers.list_forms import AddressForm, ListForm, WhichListForm
from segments.subscribers.models import StaticList, Subscriber
from segments.subscribers.types import Refusal

SOURCE = "dashboard"


@require("people.view")
def index(request: HttpRequest) -> HttpResponseBase:
    """All static lists with how many people are on each."""
    page = ListPage(request, lists.LISTS, lists.all_with_sizes())
    found = ngettext("%(count)s list", "%(count)s lists", page.count) % {"count": intcomma(page.count)}
    return render(request, "subscribers/lists.html", {"list": page, "found": found})


@require("audience.edit")
def new(request: HttpRequest) -> HttpResponseBase:
    """Make a list."""
    form = ListForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        made = lists.create_list(actor=request.user, **form.cleaned_data)
        if isinstance(made, StaticList):
            return redirect(lists.url(made))
        form.refuse(made)
    return render(request, "subscribers/list_form.html", {"form": form})


@require("audience.edit")
def rename(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Call a list something else."""
    row = get_object_or_404(StaticList, uuid=uuid)
    form = ListForm(request.POST or None, initial={"name": row.name, "description": row.description})
    if request.method == "POST" and form.is_valid():
        renamed = lists.rename_list(static_list=row, actor=request.user, **form.cleaned_data)
        if isinstance(renamed, StaticList):
            return redirect(lists.url(row))
        form.refuse(renamed)
    return render(request, "subscribers/list_form.html", {"form": form, "static_list": row})


@require("people.view")
def detail(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """The people on a list, with everything the list of subscribers can do; posting an address adds one more."""
    row = get_object_or_404(StaticList, uuid=uuid)
    form = AddressForm(request.POST or None)
    if request.method == "POST":
        answer = _add_one(request, row, form)
        if answer is not None:
            return answer
    page = ListPage(request, people.kind_for(request.user), lists.members(row), fixed={"list": str(row.uuid)})
    if page.wants_export:
        return page.export()
    found = ngettext("%(count)s person", "%(count)s people", page.count) % {"count": intcomma(page.count)}
    context = {
        "list": page,
        "found": found,
        "static_list": row,
        "form": form,
        "uses": registries.uses_of("list", row),
        "size": lists.members(row).count(),
    }
    return render(request, "subscribers/static_list.html", context)


def _add_one(request: HttpRequest, row: StaticList, form: AddressForm) -> HttpResponseBase | None:
    """The way back after an address was added; None when it was not. Raises PermissionDenied."""
    if not permissions.allowed(request.user, "audience.edit"):
        raise PermissionDenied("audience.edit")
    if not form.is_valid():
        return None
    person: Subscriber = form.cleaned_data["email"]
    added = lists.add_to_list(
        static_list=row, people=Subscriber.objects.filter(pk=person.pk), source=SOURCE, actor=request.user
    )
    name = person.full_name or people.address_for(request.user, person)
    messages.success(request, (_("%s is on the list.") if added else _("%s was on the list already.")) % name)
    return redirect(lists.url(row))


@require_POST
@require("audience.edit")
def delete(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Delete a list that nothing uses; the people stay."""
    row = get_object_or_404(StaticList, uuid=uuid)
    refusal = lists.delete_list(static_list=row, actor=request.user)
    if refusal is not None:
        messages.error(request, _("‘%(name)s’ stays: it %(reason)s.") % {"name": row.name, "reason": refusal.reason})
        return redirect(lists.url(row))
    messages.success(request, _("‘%s’ is deleted. The people who were on it are still here.") % row.name)
    return redirect("subscribers:static_lists")


@require_POST
@require("audience.edit")
def add_selected(request: HttpRequest) -> HttpResponseBase:
    """Put selected people on a list: first asks which, with the figure, then does it."""
    chosen = _selected(request)
    form = WhichListForm(request.POST if "confirmed" in request.POST else None)
    if form.is_bound and form.is_valid():
        answer = _put(request, chosen, form)
        if answer is not None:
            return answer
    return _ask(request, chosen, form=form)


def _put(request: HttpRequest, chosen: QuerySet[Subscriber], form: WhichListForm) -> HttpResponseBase | None:
    with transaction.atomic():
        row = form.cleaned_data["static_list"] or lists.create_list(name=form.cleaned_data["name"], actor=request.user)
        if isinstance(row, Refusal):
            form.refuse(row)
            return None
        wanted = chosen.count()
        added = lists.add_to_list(static_list=row, people=chosen, source=SOURCE, actor=request.user)
    said = ngettext("%(n)s person added to ‘%(list)s’.", "%(n)s people added to ‘%(list)s’.", added)
    words = said % {"n": intcomma(added), "list": row.name}
    if wanted > added:
        already = ngettext("%(n)s was on it already.", "%(n)s were on it already.", wanted - added)
        words = f"{words} {already % {'n': intcomma(wanted - added)}}"
    messages.success(request, words)
    return redirect(lists.url(row))


@require_POST
@require("audience.edit")
def remove_selected(request: HttpRequest) -> HttpResponseBase:
    """Take selected people off the list they were selected on: first says how many, then does it."""
    wanted = _uuid(request.GET.get("list", ""))
    row = StaticList.objects.filter(uuid=wanted).first() if wanted else None
    if row is None:
        raise Http404
    chosen = _selected(request)
    if "confirmed" not in request.POST:
        return _ask(request, chosen, static_list=row)
    removed = lists.remove_from_list(static_list=row, people=chosen, actor=request.user)
    said = ngettext("%(n)s person taken off ‘%(list)s’.", "%(n)s people taken off ‘%(list)s’.", removed)
    messages.success(request, said % {"n": intcomma(removed), "list": row.name})
    return redirect(lists.url(row))


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _selected(request: HttpRequest) -> QuerySet[Subscriber]:
    return selected(request, people.kind_for(request.user), Subscriber.objects.present())


def _ask(
    request: HttpRequest,
    chosen: QuerySet[Subscriber],
    *,
    form: WhichListForm | None = None,
    static_list: StaticList | None = None,
) -> HttpResponse:
    context = {
        "form": form,
        "static_list": static_list,
        "number": chosen.count(),
        "some": [(person, person.full_name or people.address_for(request.user, person)) for person in chosen[:5]],
        "all": bool(request.POST.get(SELECT_ALL)),
        "rows": request.POST.getlist(SELECT_ROW),
    }
    return render(request, "subscribers/selected.html", context)
