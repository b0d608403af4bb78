"""The list of segments, and one segment rule by rule."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from personalize.core import clock, registries
from personalize.core.permissions import require
from personalize.dashboard.lists import ListPage
from segments.segmentation import listing, services
from segments.segmentation.explain import explain
from segments.segmentation.models import Segment
from segments.segmentation.rules.parse import RuleError, parse
from segments.segmentation.rules.sentence import sentence
from segments.segmentation.why import Nobody, answers
from segments.subscribers import people
from segments.subscribers.models import Subscriber

SOME = 10


@require("people.view")
def index(request: HttpRequest) -> HttpResponseBase:
    """All segments with how many people each means now."""
    page = ListPage(request, listing.SEGMENTS, Segment.objects.all())
    found = ngettext("%(count)s segment", "%(count)s segments", page.count) % {"count": intcomma(page.count)}
    return render(request, "segmentation/list.html", {"list": page, "found": found})


@require("people.view")
def detail(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """One segment: its rules with what each of them does, how many people it means, some of them, and who uses it."""
    segment = get_object_or_404(Segment, uuid=uuid)
    context: dict[str, Any] = {
        "segment": segment,
        "uses": registries.uses_of("segment", segment),
    }
    now = clock.now()
    try:
        node = parse(segment.rule)
    except RuleError as error:
        return render(request, "segmentation/detail.html", {**context, "error": error})
    audience = services.audience(rule=segment.rule, as_of=now)
    tree = explain(node, as_of=now)
    found = tree.people if tree.people is not None else audience.count()
    context |= {
        "tree": tree,
        "sentence": sentence(node),
        "people": found,
        "everybody": tree.total,
        "share": number_format(100 * found / tree.total if tree.total else 0, 1),
        "some": [
            (person, person.full_name or people.address_for(request.user, person), people.url(person))
            for person in audience.order_by("pk")[:SOME]
        ],
    }
    return render(request, "segmentation/detail.html", context)


@require("people.view")
def why(request: HttpRequest, uuid: UUID, person: UUID) -> HttpResponseBase:
    """Why one person is in a segment, or is not: rule by rule, each with the fact that decides it."""
    segment = get_object_or_404(Segment, uuid=uuid)
    subscriber = get_object_or_404(Subscriber.objects.present(), uuid=person)
    name = subscriber.full_name or people.address_for(request.user, subscriber)
    context: dict[str, Any] = {"segment": segment, "person": subscriber, "name": name}
    try:
        found = answers(rule=segment.rule, person=subscriber, as_of=clock.now())
    except RuleError as error:
        return render(request, "segmentation/why.html", {**context, "error": error})
    if isinstance(found, Nobody):
        raise Http404
    return render(request, "segmentation/why.html", {**context, "answers": found, "inside": found[0].holds})


@require_POST
@require("segment.edit")
def delete(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Delete a segment, unless something uses it."""
    segment = get_object_or_404(Segment, uuid=uuid)
    refused = services.delete_segment(segment=segment, actor=request.user)
    if refused is not None:
        messages.error(request, str(refused))
        return redirect("segmentation:detail", segment.uuid)
    messages.success(request, _("‘%(name)s’ is deleted.") % {"name": segment.name})
    return redirect("segmentation:list")
