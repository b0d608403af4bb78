"""What was done to a person's row by hand, and rows that were merged into it, for their timeline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from personalize.accounts.models import AuditEntry
from personalize.accounts.personal import about
from personalize.core.registries import Span, TimelineEntry, TimelineSource
from segments.subscribers.models import Merge, Subscriber

_VERBS = {
    "subscriber.changed": gettext_lazy("Changed by hand:"),
    "subscriber.address_changed": gettext_lazy("Address changed"),
    "subscriber.exported": gettext_lazy("Data handed out"),
}
# A merge tells more than its entry on the trail.
_TOLD_ELSEWHERE = ("subscriber.merged",)


def sources() -> list[TimelineSource]:
    return [
        TimelineSource("edits", gettext_lazy("Edits"), _edits, lambda person: _trail(person).count(), order=60),
        TimelineSource("merges", gettext_lazy("Merges"), _merges, lambda person: person.merges.count(), order=70),
    ]


def _trail(person: Subscriber) -> QuerySet[AuditEntry]:
    return about(person).exclude(action__in=_TOLD_ELSEWHERE)


def _edits(person: Subscriber, limit: int, span: Span) -> Iterator[TimelineEntry]:
    for entry in span.of(_trail(person), "at").order_by("-at", "-pk")[:limit]:
        yield TimelineEntry(
            at=entry.at,
            kind="edits",
            icon="edit",
            verb=_VERBS.get(entry.action) or entry.action.replace(".", " ").replace("_", " ").capitalize(),
            text=_fields(entry.details.get("fields", [])),
            detail=" · ".join(part for part in (_("by %(who)s") % {"who": entry.actor}, entry.reason) if part),
        )


def _fields(names: list[Any]) -> str:
    """Names of columns in words; the folded copies say nothing more."""
    return ", ".join(str(name).replace("_", " ") for name in names if not str(name).endswith("_folded"))


def _merges(person: Subscriber, limit: int, span: Span) -> Iterator[TimelineEntry]:
    merges: QuerySet[Merge] = span.of(person.merges.all(), "at")
    for merge in merges.order_by("-at", "-pk")[:limit]:
        rows = sum(merge.moved.values())
        yield TimelineEntry(
            at=merge.at,
            kind="merges",
            icon="merge",
            verb=_("Merged with"),
            text=_("another entry of the same person"),
            detail=" · ".join(
                (
                    ngettext("%(n)d row moved", "%(n)d rows moved", rows) % {"n": rows},
                    _("by %(who)s") % {"who": merge.actor},
                )
            ),
            url=reverse("subscribers:merge_log", args=[person.uuid, merge.uuid]),
        )
