"""Mails on a person's timeline, with why each came or why it did not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from django.db.models import Case, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns.delivery import personal
from campaigns.delivery.models import Message
from campaigns.delivery.types import MessageState, SkipReason
from personalize.core import registries
from personalize.core.clock import now
from personalize.core.registries import Span, Stat, StatSource, TimelineEntry, TimelineSource
from segments.commerce.models import Product
from segments.subscribers.models import Subscriber

_HANDED = Coalesce("handed_at", "created_at")
THIRTY_DAYS = dt.timedelta(days=30)


def register() -> None:
    """Put mails, their figures and their personal data where lower pages look."""
    registries.timeline.add(TimelineSource("mails", gettext_lazy("Mails"), entries, count, order=10))
    registries.stats.add(StatSource("mails", "subscriber", stats, order=40))
    for declared in personal.declared():
        registries.personal_data.add(declared)
    for kept in personal.kept():
        registries.retention.add(kept)


def count(subscriber: Subscriber) -> int:
    return Message.objects.filter(subscriber=subscriber).count()


def entries(subscriber: Subscriber, limit: int, span: Span) -> Iterator[TimelineEntry]:
    messages = (
        Message.objects.filter(subscriber=subscriber)
        .annotate(told_at=Case(When(state=MessageState.SKIPPED, then="created_at"), default=_HANDED))
        .select_related("mailing__version", "mailing__topic")
        .order_by("-told_at", "-pk")
    )
    for message in span.of(messages, "told_at")[:limit]:
        yield _entry(message)


def stats(request: Any, subscriber: Subscriber) -> list[Stat]:
    """Mails in 30 days, and how many of them were clicked."""
    since = now() - THIRTY_DAYS
    sent = Message.objects.filter(subscriber=subscriber, state=MessageState.SENT, created_at__gte=since)
    clicked = sent.filter(clicked_at__isnull=False).count()
    return [
        Stat(_("Mails in 30 days"), sent.count(), ngettext("%(n)d clicked", "%(n)d clicked", clicked) % {"n": clicked})
    ]


def _entry(message: Message) -> TimelineEntry:
    name = message.mailing.name
    if message.state == MessageState.SKIPPED:
        return TimelineEntry(
            at=message.created_at,
            kind="mails",
            icon="block",
            verb=_("Not sent:"),
            text=name,
            detail=SkipReason(message.reason).label if message.reason in SkipReason.values else message.reason,
        )
    verb, icon, tone = {
        MessageState.SENT: (_("Mail sent:"), "send", ""),
        MessageState.FAILED: (_("Mail failed:"), "error", "bad"),
        MessageState.IN_DOUBT: (_("Mail in doubt:"), "help", "warn"),
    }.get(MessageState(message.state), (_("Mail waits:"), "schedule", ""))
    return TimelineEntry(
        at=message.handed_at or message.created_at,
        kind="mails",
        icon=icon,
        verb=verb,
        text=name,
        detail=message.reply if message.state in (MessageState.FAILED, MessageState.IN_DOUBT) else "",
        tone=tone,
        lines=tuple(why(message)),
    )


def why(message: Message) -> Iterator[tuple[str, str]]:
    """Why this mail, in the order in which it was decided: (icon, sentence) pairs."""
    yield "send", _("It is the mailing ‘%(name)s’.") % {"name": message.mailing.name}
    if message.mailing.topic:
        yield "check", _("Follows ‘%(topic)s’.") % {"topic": message.mailing.topic.name}
    trace = message.trace or {}
    if trace.get("greeting"):
        yield "person", _greeting_line(trace)
    labels = {block["id"]: _label(block) for block in message.mailing.version.blocks if "id" in block}
    for block in trace.get("shown", []):
        yield "visibility", _("Block ‘%(block)s’ shown, its rule holds.") % {"block": _short(labels.get(block, block))}
    for block in trace.get("hidden", []):
        yield (
            "visibility_off",
            _("Block ‘%(block)s’ left out, its rule does not hold.") % {"block": _short(labels.get(block, block))},
        )
    shown = [product for products in trace.get("products", {}).values() for product in products]
    titles = dict(Product.objects.filter(code__in=[product[0] for product in shown]).values_list("code", "title"))
    for code, reason, *_rest in shown:
        yield "category", f"{titles.get(code, code)}: {reason}"


def _label(block: dict[str, Any]) -> str:
    """What a block is called: its own words, or its kind where it has none."""
    return str(block.get("text") or block.get("label") or block.get("heading") or block["type"])


def _greeting_line(trace: dict[str, Any]) -> str:
    if trace.get("name"):
        return _("Greeted as %(name)s.") % {"name": trace["name"]}
    return _("Greeted without a name: none is known, or it looks made up.")


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"
