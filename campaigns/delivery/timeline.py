"""Mails on a person's timeline, with why each came or why it did not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from django.db.models import Case, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns.delivery import personal
from campaigns.delivery.models import Mailing, Message
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
        .select_related("mailing__version", "mailing__topic", "run")
        .order_by("-told_at", "-pk")
    )
    shown = list(span.of(messages, "told_at")[:limit])
    names = names_in_traces(shown)
    for message in shown:
        yield replace(_entry(message, names), url=_explained(message, subscriber))


def _explained(message: Message, subscriber: Subscriber) -> str:
    """The page that says why this mail came, or why not."""
    source = next((one for one in registries.mail_sources if one.key == message.mailing.owner_kind), None)
    return (source.url(message, subscriber) if source else None) or ""


def names_in_traces(messages: Iterable[Message]) -> dict[str, str]:
    """What the mailings are called, by uuid, that other mails' traces say they gave way to; one query, or none."""
    named = {uuid for message in messages for uuid in _ahead(message.trace or {})}
    if not named:
        return {}
    return {str(uuid): name for uuid, name in Mailing.objects.filter(uuid__in=named).values_list("uuid", "name")}


def why_not(message: Message, names: Mapping[str, str]) -> str:
    """Why a skipped message did not go out: the reason, the rule it was held back by, and what went first."""
    reason = str(SkipReason(message.reason).label if message.reason in SkipReason.values else message.reason)
    trace = message.trace or {}
    if message.reason != SkipReason.CAPPED:
        return reason
    if trace.get("limit"):
        reason = f"{reason} ({trace['limit']})"
    first = [_("‘%(name)s’") % {"name": names[uuid]} for uuid in trace.get("capped_by", []) if uuid in names]
    return _("%(reason)s: %(mails)s went first") % {"reason": reason, "mails": ", ".join(first)} if first else reason


def stats(request: Any, subscriber: Subscriber) -> list[Stat]:
    """Mails in 30 days, and how many of them were clicked."""
    since = now() - THIRTY_DAYS
    sent = Message.objects.filter(subscriber=subscriber, state=MessageState.SENT, created_at__gte=since)
    clicked = sent.filter(clicked_at__isnull=False).count()
    return [
        Stat(_("Mails in 30 days"), sent.count(), ngettext("%(n)d clicked", "%(n)d clicked", clicked) % {"n": clicked})
    ]


def _ahead(trace: dict[str, Any]) -> list[str]:
    """The mailings that went ahead of a mail, as its trace names them."""
    return [*trace.get("capped_by", []), *([trace["yielded_to"]] if trace.get("yielded_to") else [])]


def _entry(message: Message, names: Mapping[str, str]) -> TimelineEntry:
    name = message.mailing.name
    if message.state == MessageState.SKIPPED:
        return TimelineEntry(
            at=message.created_at,
            kind="mails",
            icon="block",
            verb=_("Not sent:"),
            text=name,
            detail=why_not(message, names),
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
        lines=(*_waits(message, names), *why(message)),
    )


def _waits(message: Message, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What made a mail wait before it went, or makes it wait now."""
    trace = message.trace or {}
    if trace.get("limit"):
        yield "schedule", _("Waited for a place under the limit ‘%(rule)s’.") % {"rule": trace["limit"]}
    if trace.get("yielded_to") in names:
        yield "schedule", _("Gave way to ‘%(name)s’.") % {"name": names[trace["yielded_to"]]}


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
