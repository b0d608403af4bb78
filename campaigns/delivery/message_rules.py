"""Rules about the mails a person got: ``{"messages": {"what": "clicked", "op": "=", "value": 0, "window": {…}}}``.

They count mails by the instant at which that happened to each for the first time. A mail was sent once it was handed over,
or may have been: one in doubt counts, as it does under the limits. Clicks are those of people, not of scanners, and machine
opens are left out. ``where`` asks for the mails of a topic, a campaign or an automation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.db.models import Count, Max, Q
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.delivery.models import Message
from campaigns.delivery.types import MessageState
from personalize.core.registries import mail_groups
from segments.segmentation.rules import figures, reading, windows
from segments.segmentation.rules.kinds import Kind, Phrase, Scope
from segments.segmentation.rules.nodes import Node, Window
from segments.segmentation.rules.reading import RuleError, at
from segments.segmentation.rules.turns import Facts, Turn, next_turn, of_window
from segments.segmentation.rules.vocabulary import Vocabulary
from segments.segmentation.rules.witnesses import never, no_anchor, settled, witness
from segments.segmentation.rules.words import both, operator_words, window_words

COLUMNS: Mapping[str, str] = {
    "sent": "handed_at",
    "delivered": "delivered_at",
    "opened": "opened_at",
    "clicked": "clicked_at",
    "bounced": "bounced_at",
    "complained": "complained_at",
    "unsubscribed": "unsubscribed_at",
}
WENT_OUT = (MessageState.SENT, MessageState.IN_DOUBT)
GROUPS: Mapping[str, str] = {"campaign": "campaigns", "automation": "automations"}
"""What a filter may name besides topics, and the source of mails that knows it."""


@dataclass(frozen=True)
class MessageFilter:
    """Whose mails count: ``value`` is the key of a topic, or the uuid of a campaign or an automation."""

    field: str
    value: str
    name: str


@dataclass(frozen=True)
class MessagesRule(Node):
    """How many mails this happened to, compared with ``values``: two for "between"."""

    what: str
    op: str
    values: tuple[int, ...]
    where: tuple[MessageFilter, ...] = ()
    window: Window = field(default_factory=Window)


def _parse(raw: Mapping[str, Any], path: str, vocabulary: Vocabulary) -> MessagesRule:
    reading.table(raw, path, required=["messages"])
    path = at(path, "messages")
    body = reading.table(raw["messages"], path, required=["what", "op", "value"], optional=["where", "window"])
    op = reading.choice(body["op"], at(path, "op"), figures.COMPARISONS)
    filters = reading.sequence(body.get("where", []), at(path, "where"), least=0, most=len(GROUPS) + 1)
    return MessagesRule(
        what=reading.choice(body["what"], at(path, "what"), COLUMNS),
        op=op,
        values=_values(body["value"], at(path, "value"), op),
        where=tuple(_filter(item, f"{at(path, 'where')}[{i}]", vocabulary) for i, item in enumerate(filters)),
        window=windows.parse_window(body["window"], at(path, "window"), vocabulary) if "window" in body else Window(),
    )


def _values(raw: Any, path: str, op: str) -> tuple[int, ...]:
    if op != "between":
        return (reading.whole(raw, path, least=0),)
    pair = reading.sequence(raw, path, least=2, most=2)
    low, high = (reading.whole(item, f"{path}[{index}]", least=0) for index, item in enumerate(pair))
    if low > high:
        raise RuleError(path, _("The first value is above the second."))
    return low, high


def _filter(raw: Any, path: str, vocabulary: Vocabulary) -> MessageFilter:
    body = reading.table(raw, path, required=["field", "op", "value"])
    field = reading.choice(body["field"], at(path, "field"), ("topic", *GROUPS))
    reading.choice(body["op"], at(path, "op"), ("is",))
    here = at(path, "value")
    if field == "topic":
        key = reading.text(body["value"], here)
        if key not in vocabulary.topics:
            raise RuleError(here, _("There is no topic ‘%(key)s’.") % {"key": key})
        return MessageFilter(field, key, vocabulary.topics[key])
    uuid, source = reading.identifier(body["value"], here), mail_groups.get(GROUPS[field])
    name = dict(source.named()).get(uuid) if source else None
    if name is None:
        missing = {"campaign": _("There is no such campaign."), "automation": _("There is no such automation.")}
        raise RuleError(here, missing[field])
    return MessageFilter(field, str(uuid), name)


def _compile(rule: MessagesRule, scope: Scope) -> Q:
    rows, meant = _counted(rule, scope), windows.known(rule.window, scope)
    if figures.is_existence(rule.op, rule.values):
        found = scope.has(rows)
        return meant & (found if rule.op in (">", ">=") else ~found)
    return meant & figures.compare(rows, Count("*"), rule.op, rule.values, scope, zero=True)


def _counted(rule: MessagesRule, scope: Scope) -> figures.Rows:
    """The mails that the rule counts, of everybody."""
    rows: figures.Rows = Message.objects.order_by()
    if rule.what == "sent":
        rows = rows.filter(state__in=WENT_OUT)
    for one in rule.where:
        column = "mailing__topic__key" if one.field == "topic" else "mailing__group"
        rows = rows.filter(**{column: one.value})
    return windows.within(rows, COLUMNS[rule.what], rule.window, scope)


@next_turn.register
def _turn(rule: MessagesRule, scope: Scope) -> Turn:
    return of_window(Facts(Message.objects.order_by(), COLUMNS[rule.what]), rule.window, scope)


@witness.register
def _witness(rule: MessagesRule, *, person: int, scope: Scope) -> str:
    column, window = COLUMNS[rule.what], settled(rule.window, person, scope)
    if window is None:
        return no_anchor(rule.window)
    rows = _counted(replace(rule, window=window), scope).filter(subscriber_id=person)
    found = rows.aggregate(count=Count("*"), last=Max(column))
    if not found["count"]:
        return never(rule.window)
    last = rows.filter(**{column: found["last"]}).values_list("mailing__name", flat=True).first()
    words = ngettext("Once: ‘%(name)s’ on %(day)s", "%(n)s times; last ‘%(name)s’ on %(day)s", found["count"])
    return words % {
        "n": number_format(found["count"], force_grouping=True),
        "name": last,
        "day": date_format(timezone.localtime(found["last"]), "j F Y"),
    }


def _phrase(rule: MessagesRule) -> Phrase:
    names = {
        "sent": _("Mails sent"),
        "delivered": _("Mails that arrived"),
        "opened": _("Mails opened"),
        "clicked": _("Mails clicked in"),
        "bounced": _("Mails that bounced"),
        "complained": _("Mails marked as spam"),
        "unsubscribed": _("Mails unsubscribed from"),
    }
    clauses = {
        "sent": _("who were sent %(mails)s"),
        "delivered": _("who received %(mails)s"),
        "opened": _("who opened %(mails)s"),
        "clicked": _("who clicked in %(mails)s"),
        "bounced": _("who had %(mails)s bounce"),
        "complained": _("who marked %(mails)s as spam"),
        "unsubscribed": _("who unsubscribed from %(mails)s"),
    }
    whose, window = " ".join(map(_filter_words, rule.where)), window_words(rule.window)
    mails = " ".join(filter(None, [_mails(rule), whose]))
    figure = both([number_format(value, force_grouping=True) for value in rule.values])
    return Phrase(
        " ".join(filter(None, [names[rule.what], whose])),
        operator_words(rule.op),
        " ".join(filter(None, [figure, window])),
        " ".join(filter(None, [clauses[rule.what] % {"mails": mails}, window])),
    )


def _mails(rule: MessagesRule) -> str:
    """How many mails."""
    if figures.is_existence(rule.op, rule.values):
        return _("a mail") if rule.op in (">", ">=") else _("no mail")
    if rule.op == "between":
        low, high = (number_format(value, force_grouping=True) for value in rule.values)
        return _("between %(low)s and %(high)s mails") % {"low": low, "high": high}
    (count,) = rule.values
    words = {
        ">": ngettext("more than %(n)s mail", "more than %(n)s mails", count),
        ">=": ngettext("at least %(n)s mail", "at least %(n)s mails", count),
        "<": ngettext("fewer than %(n)s mail", "fewer than %(n)s mails", count),
        "<=": ngettext("at most %(n)s mail", "at most %(n)s mails", count),
        "=": ngettext("exactly %(n)s mail", "exactly %(n)s mails", count),
        "!=": ngettext("any number but %(n)s of mails", "any number but %(n)s of mails", count),
    }
    return words[rule.op] % {"n": number_format(count, force_grouping=True)}


def _filter_words(one: MessageFilter) -> str:
    words = {
        "topic": _("of the topic %(name)s"),
        "campaign": _("of the campaign ‘%(name)s’"),
        "automation": _("of the automation ‘%(name)s’"),
    }
    return words[one.field] % {"name": one.name}


KIND = Kind("messages", MessagesRule, _parse, _compile, _phrase)
