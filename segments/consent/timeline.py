"""What a person said about mail, for their timeline."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from personalize.core.registries import Span, TimelineEntry, TimelineSource
from segments.consent.models import ConsentAction, ConsentEntry
from segments.consent.standing import ABOUT_MANNER
from segments.subscribers.models import Subscriber

_TONES = {
    ConsentAction.UNSUBSCRIBED: "warn",
    ConsentAction.COMPLAINED: "bad",
    ConsentAction.TRACKING_DENIED: "warn",
}


def _entries(subscriber: Subscriber, limit: int, span: Span) -> Iterator[TimelineEntry]:
    said = ConsentEntry.objects.filter(subscriber=subscriber).select_related("topic").order_by("-at", "-pk")
    for entry in span.of(said, "at")[:limit]:
        no_object = entry.action in ABOUT_MANNER
        yield TimelineEntry(
            at=entry.at,
            kind="consent",
            icon="verified_user",
            verb=entry.get_action_display(),
            text=entry.topic.name if entry.topic else "" if no_object else _("everything"),
            detail=" · ".join(part for part in (entry.source, entry.basis, entry.wording) if part),
            tone=_TONES.get(ConsentAction(entry.action), ""),
        )


def _count(subscriber: Subscriber) -> int:
    return ConsentEntry.objects.filter(subscriber=subscriber).count()


TIMELINE = TimelineSource(key="consent", label=_("Consent"), entries=_entries, count=_count, order=40)
