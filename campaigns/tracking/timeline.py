"""Clicks as entries of a person's timeline: who followed the link, a person or a machine, stands beside each."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _

from campaigns.tracking.models import Hit, Verdict
from campaigns.tracking.recognition import Reason
from personalize.core.registries import Span, TimelineEntry
from segments.subscribers.models import Subscriber


def entries(subscriber: Subscriber, limit: int, span: Span) -> Iterable[TimelineEntry]:
    clicks = Hit.objects.clicks().filter(message__subscriber=subscriber).select_related("link", "message__mailing")
    return [_entry(hit) for hit in span.of(clicks, "at").order_by("-at", "-pk")[:limit]]


def count(subscriber: Subscriber) -> int:
    return Hit.objects.clicks().filter(message__subscriber=subscriber).count()


def _entry(hit: Hit) -> TimelineEntry:
    by_machine = hit.verdict in (Verdict.MACHINE, Verdict.PROBABLE_MACHINE)
    reasons = [str(Reason(code).label) for code in hit.reasons if code in Reason.values]
    target = (hit.link.label or hit.link.url) if hit.link else _("a link")
    return TimelineEntry(
        at=hit.at,
        kind="click",
        icon="smart_toy" if by_machine else "ads_click",
        verb=_("Link followed by a machine:") if by_machine else _("Clicked"),
        text=_("‘%(link)s’ in ‘%(mail)s’") % {"link": target, "mail": hit.message.mailing.name},
        detail=": ".join([str(Verdict(hit.verdict).label), ", ".join(reasons)])
        if reasons
        else Verdict(hit.verdict).label,
        tone="" if by_machine else "accent",
    )
