"""The list of segments, the page on which one is written, and the people a rule means."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from personalize.core import clock, registries
from personalize.core.permissions import allowed, require
from personalize.dashboard.lists import ListPage
from segments.segmentation import drafts, listing, services
from segments.segmentation.audience import people_of, planned
from segments.segmentation.builder.links import rule_in
from segments.segmentation.builder.parts import Setting
from segments.segmentation.forms import EditForm
from segments.segmentation.history import figures_of
from segments.segmentation.models import Segment, SegmentMode, SegmentSnapshot
from segments.segmentation.rules.parse import RuleError, parse
from segments.segmentation.rules.sentence import sentence
from segments.segmentation.why import Nobody, answers
from segments.subscribers import people
from segments.subscribers.models import Subscriber

NOTHING: dict[str, Any] = {"v": 1, "all": []}


@require("people.view")
def index(request: HttpRequest) -> HttpResponseBase:
    """All segments with how many people each means now."""
    page = ListPage(request, listing.SEGMENTS, Segment.objects.select_related("snapshot"))
    found = ngettext("%(count)s segment", "%(count)s segments", page.count) % {"count": intcomma(page.count)}
    context = {"list": page, "found": found, "can_edit": allowed(request.user, "segment.edit")}
    return render(request, "segmentation/list.html", context)


@require_GET
@require("segment.edit")
def new(request: HttpRequest) -> HttpResponseBase:
    """A segment that means everybody yet."""
    return _page(request, None)


@require_GET
@require("people.view")
def detail(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """One segment: its rules with what each of them does, how many people it means, some of them, and who uses it."""
    return _page(request, get_object_or_404(Segment, uuid=uuid))


@require_POST
@require("segment.edit")
def create(request: HttpRequest) -> HttpResponseBase:
    """Define the segment that was written."""
    form = EditForm(request.POST)
    if not form.is_valid():
        return _page(request, None, form=form)
    said = form.cleaned_data
    try:
        made = services.create_segment(
            name=said["name"],
            description=said["description"],
            rule=said["rule"],
            mode=said["mode"] or SegmentMode.LIVE,
            actor=request.user,
        )
    except IntegrityError:
        form.add_error("name", _("There is a segment of this name already."))
        return _page(request, None, form=form)
    drafts.forget(request.session, None)
    messages.success(request, _("‘%(name)s’ is saved.") % {"name": made.name})
    return redirect(listing.url(made))


@require_POST
@require("segment.edit")
def save(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Let the segment mean what was written, unless somebody else changed it in the meantime."""
    segment = get_object_or_404(Segment, uuid=uuid)
    form = EditForm(request.POST, segment=segment.uuid)
    if not form.is_valid():
        return _page(request, segment, form=form)
    said = form.cleaned_data
    shown = said["lock_version"]
    try:
        saved = services.update_segment(
            segment=segment,
            lock_version=-1 if shown is None else shown,
            name=said["name"],
            description=said["description"],
            rule=said["rule"],
            mode=said["mode"] or None,
            actor=request.user,
        )
    except IntegrityError:
        form.add_error("name", _("There is a segment of this name already."))
        return _page(request, segment, form=form)
    if isinstance(saved, services.Refused):
        segment.refresh_from_db()
        return _page(request, segment, form=form, conflict=True)
    drafts.forget(request.session, segment.uuid)
    messages.success(request, _("‘%(name)s’ is saved.") % {"name": saved.name})
    return redirect(_here(request, segment))


@require_POST
@require("segment.edit")
def keep_draft(request: HttpRequest, uuid: UUID | None = None) -> HttpResponse:
    """Keep what is being written, finished or not."""
    shown = request.POST.get("lock_version", "")
    draft = drafts.keep(
        request.session,
        uuid,
        name=request.POST.get("name", ""),
        description=request.POST.get("description", ""),
        rule=request.POST.get("rule", ""),
        mode=request.POST.get("mode", ""),
        lock_version=int(shown) if shown.isdecimal() and len(shown) < 10 else 0,
    )
    return render(request, "segmentation/_draft.html", {"draft_at": _at(draft), "too_long": draft is None})


@require_POST
@require("segment.edit")
def discard(request: HttpRequest, uuid: UUID | None = None) -> HttpResponseBase:
    """Throw away what was written and not saved."""
    drafts.forget(request.session, uuid)
    return redirect(reverse("segmentation:detail", args=[uuid]) if uuid else reverse("segmentation:list"))


@require_POST
@require("segment.edit")
def take(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Have a snapshot taken anew."""
    segment = get_object_or_404(Segment, uuid=uuid)
    if services.take_again(segment=segment, actor=request.user) is None:
        messages.success(request, _("The snapshot is taken within seconds. Read the page again to see it."))
    else:
        messages.error(request, _("Only snapshots are taken; this segment is asked by itself."))
    return redirect(listing.url(segment))


@require_POST
@require("segment.edit")
def delete(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Delete a segment, unless something uses it."""
    segment = get_object_or_404(Segment, uuid=uuid)
    refused = services.delete_segment(segment=segment, actor=request.user)
    if refused is not None:
        messages.error(request, str(refused))
        return redirect(listing.url(segment))
    drafts.forget(request.session, uuid)
    messages.success(request, _("‘%(name)s’ is deleted.") % {"name": segment.name})
    return redirect("segmentation:list")


@require_GET
@require("people.view")
def why(request: HttpRequest, uuid: UUID, person: UUID) -> HttpResponseBase:
    """Why one person is in a segment, or is not: rule by rule, each with the fact that decides it."""
    segment = get_object_or_404(Segment, uuid=uuid)
    subscriber = get_object_or_404(Subscriber.objects.present(), uuid=person)
    name = subscriber.full_name or people.address_for(request.user, subscriber)
    context: dict[str, Any] = {"segment": segment, "person": subscriber, "name": name}
    try:
        found = answers(rule=segment.meaning, person=subscriber, as_of=clock.now())
    except RuleError as error:
        return render(request, "segmentation/why.html", {**context, "error": error})
    if isinstance(found, Nobody):
        raise Http404
    return render(request, "segmentation/why.html", {**context, "answers": found, "inside": found[0].holds})


@require_GET
@require("people.view")
def members(request: HttpRequest, code: str) -> HttpResponseBase:
    """The people a rule in the address means."""
    try:
        node = parse(rule_in(code))
    except RuleError as error:
        return render(request, "segmentation/people.html", {"error": error})
    except ValueError:
        raise Http404 from None
    audience = people_of(node, as_of=clock.now())
    page = ListPage(request, people.kind_for(request.user), audience)
    if page.wants_export:
        return page.export()
    with planned():
        found = ngettext("%(count)s person", "%(count)s people", page.count) % {"count": intcomma(page.count)}
        context = {"list": page, "found": found, "sentence": sentence(node)}
        return render(request, "segmentation/people.html", context)


def _page(
    request: HttpRequest, segment: Segment | None, *, form: EditForm | None = None, conflict: bool = False
) -> HttpResponseBase:
    """The editor; what was typed stays in the form given."""
    can_edit = allowed(request.user, "segment.edit")
    draft = drafts.kept(request.session, segment.uuid if segment else None) if can_edit else None
    if form is None:
        form = EditForm(initial=_initial(segment, draft), segment=segment.uuid if segment else None)
    person = _person(request)
    context: dict[str, Any] = {
        "segment": segment,
        "form": form,
        "can_edit": can_edit,
        "conflict": conflict,
        "draft_at": _at(draft) if not form.is_bound else None,
        "outdated": not conflict
        and draft is not None
        and segment is not None
        and draft.lock_version != segment.lock_version,
        "lock_version": segment.lock_version if segment else 0,
        "setting": Setting.of(segment=segment.uuid if segment else None, id=f"{form['rule'].auto_id}-rules"),
        "uses": registries.uses_of("segment", segment) if segment else [],
        "past": _past(segment),
        "noted": SegmentSnapshot.objects.filter(segment=segment, taken_at__isnull=False).first(),
        "person": person,
        "name": (person.full_name or people.address_for(request.user, person)) if person else "",
    }
    # htmx is not in the way here: what is wrong comes with the status that says so.
    status = 409 if conflict else 422 if form.is_bound else 200
    return render(request, "segmentation/detail.html", context, status=status)


def _initial(segment: Segment | None, draft: drafts.Draft | None) -> dict[str, Any]:
    if draft:
        return {
            "name": draft.name,
            "description": draft.description,
            "rule": draft.rule,
            "mode": draft.mode,
            "lock_version": draft.lock_version,
        }
    if segment is None:
        return {"rule": NOTHING, "lock_version": 0}
    return {
        "name": segment.name,
        "description": segment.description,
        "rule": segment.rule,
        "mode": segment.mode,
        "lock_version": segment.lock_version,
    }


def _past(segment: Segment | None) -> dict[str, Any] | None:
    """How many people were in it on the days of the last month, as far as anybody counted."""
    counted = figures_of(segment) if segment else []
    if len(counted) < 2:
        return None
    figures = [people for _day, people in counted]
    (first_day, first), last = counted[0], figures[-1]
    return {"figures": figures, "since": first_day, "first": first, "change": last - first}


def _at(draft: drafts.Draft | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(draft.at) if draft else None


def _here(request: HttpRequest, segment: Segment) -> str:
    """The page of the segment, with the person who was looked at."""
    person = _person(request)
    return f"{listing.url(segment)}?person={person.uuid}" if person else listing.url(segment)


def _person(request: HttpRequest) -> Subscriber | None:
    """The person whose facts stand under the rules."""
    try:
        wanted = UUID(request.POST.get("person") or request.GET.get("person", ""))
    except ValueError:
        return None
    return Subscriber.objects.present().filter(uuid=wanted).first()
