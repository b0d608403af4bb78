"""How segments are listed, searched and counted for the frame."""

from __future__ import annotations

from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from personalize.core import clock, permissions, registries
from personalize.core.registries import SearchHit
from personalize.dashboard.lists import Column, Lists
from personalize.dashboard.templatetags.dashboard import day
from segments.segmentation.belonging import segments_of
from segments.segmentation.counting import count_within
from segments.segmentation.models import Segment
from segments.segmentation.rules.parse import RuleError, parse
from segments.segmentation.rules.sentence import sentence
from segments.subscribers.models import Subscriber

PATIENCE = 0.3
"""So many seconds each figure of the list may take before it is told from a sample."""

NAMED = 2
"""So many users of a segment are named in the list."""


def url(segment: Segment) -> str:
    return reverse("segmentation:detail", args=[segment.uuid])


def hits(reader: Any, words: str, limit: int) -> list[SearchHit]:
    """Segments for the search field, by name."""
    if not permissions.allowed(reader, "people.view"):
        return []
    return [SearchHit(row.name, row.description, url(row)) for row in _named(Segment.objects.all(), words)[:limit]]


def of_person(request: HttpRequest, person: Subscriber) -> dict[str, Any] | None:
    """The segments for the page of a person: those they are in, and the others."""
    found = [one for one in segments_of(person=person, as_of=clock.now()) if one.error is None]
    if not found:
        return None
    return {
        "inside": [one.segment for one in found if one.inside],
        "outside": [one.segment for one in found if not one.inside],
    }


def _named(segments: QuerySet[Segment], words: str) -> QuerySet[Segment]:
    for word in words.split():
        segments = segments.filter(name__icontains=word)
    return segments


def _name(segment: Segment) -> SafeString:
    try:
        second = segment.description or sentence(parse(segment.rule))
    except RuleError as error:
        second = _("Cannot be used: %(error)s") % {"error": error}
    return format_html(
        '<a class="row-link" href="{}">{}</a><span class="segment-words">{}</span>', url(segment), segment.name, second
    )


def _people(segment: Segment) -> str:
    """How many there are now, within the time a page can wait; what is written down need not be counted."""
    try:
        node = parse(segment.meaning)
    except RuleError:
        return "–"
    noted = getattr(segment, "snapshot", None)
    fresh = noted and noted.counted_at and noted.counted_at >= segment.updated_at and not noted.why
    if noted and fresh and noted.people is not None:
        if noted.taken_at:
            return intcomma(noted.people)
        if (noted.took_ms or 0) > 1000 * PATIENCE:
            return _about(noted.people)
    counted = count_within(node=node, as_of=clock.now(), seconds=PATIENCE)
    return intcomma(counted.people) if counted.exact else _about(counted.people)


def _about(people: int) -> str:
    return _("about %(n)s") % {"n": intcomma(people)}


def _used_by(segment: Segment) -> str:
    uses = registries.uses_of("segment", segment)
    if not uses:
        return "–"
    names = ", ".join(label for label, _state, _url in uses[:NAMED])
    return names if len(uses) <= NAMED else _("%(names)s and %(n)d more") % {"names": names, "n": len(uses) - NAMED}


SEGMENTS = Lists(
    name="segments",
    columns=(
        Column("name", gettext_lazy("Segment"), value=lambda segment: segment.name, show=_name, sort=("name",)),
        Column("people", gettext_lazy("People"), value=_people, number=True),
        Column(
            "mode",
            gettext_lazy("Asked"),
            value=lambda segment: segment.get_mode_display().partition(":")[0],
            sort=("mode",),
            later=True,
        ),
        Column("used", gettext_lazy("Used by"), value=_used_by, later=True, quiet=True),
        Column(
            "changed",
            gettext_lazy("Changed"),
            value=lambda segment: segment.updated_at.isoformat(),
            show=lambda segment: day(segment.updated_at),
            sort=("updated_at",),
            number=True,
            later=True,
            quiet=True,
        ),
    ),
    search=_named,
    search_label=gettext_lazy("Name"),
    sort="name",
)
