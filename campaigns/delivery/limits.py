"""Frequency rules: how many marketing mails a person gets in a span of time, and which of two goes when one may.

Asked within the hand-over. The person's counters are held until it commits, so two senders never take the same last place.
The mails that hold a place are counted from the ledger itself: nothing has to be given back, and a new rule knows the past.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, Q

from campaigns.delivery.models import FrequencyRule, Mailing, Message
from campaigns.delivery.policies import Asking, lock_people, release_places
from campaigns.delivery.types import (
    FrequencyOtherwise,
    FrequencyUnit,
    FrequencyWindow,
    Gate,
    MailingKind,
    MessageState,
    SkipReason,
)
from personalize.accounts.models import Brand
from personalize.core.clock import now
from personalize.core.localtime import ONE_DAY, instant, zone

HOLDS_A_PLACE = (MessageState.SENDING, MessageState.SENT, MessageState.IN_DOUBT)
SPANS = {
    FrequencyUnit.HOUR: dt.timedelta(hours=1),
    FrequencyUnit.DAY: ONE_DAY,
    FrequencyUnit.WEEK: 7 * ONE_DAY,
    FrequencyUnit.MONTH: 30 * ONE_DAY,
}
_OF_MAILING = ("mailing__uuid", "mailing__topic", "mailing__group", "mailing__priority")
NAMED = 5
"""So many of the mails that took the places are named to whoever asks why theirs did not go."""


@dataclass(frozen=True)
class Mail:
    """What the rules see of a mail: when it left (or may leave), of which mailing, topic and group, how important."""

    at: dt.datetime
    mailing: UUID
    topic: int | None
    group: UUID | None
    priority: int = 50


@dataclass(frozen=True)
class Verdict:
    """What the rules say to one mail: ``goes``; or wait ``until``, for good where that is None, because of ``rule``.

    ``winners`` are the mailings that hold the places, or, when the mail gives way, the one it gives way to.
    """

    goes: bool
    until: dt.datetime | None = None
    rule: FrequencyRule | None = None
    winners: tuple[UUID, ...] = ()
    gives_way: bool = False


@dataclass
class Neighbours:
    """A person's other mails: those that hold places, oldest first, and the more important ones about to ask for one."""

    placed: list[Mail] = field(default_factory=list)
    rivals: list[Mail] = field(default_factory=list)


def concerns(rule: FrequencyRule, mail: Mail) -> bool:
    """Whether a rule is about a mail."""
    return rule.topic_id in (None, mail.topic) and rule.owner in (None, mail.group)


def frees(rule: FrequencyRule, left_at: dt.datetime, clock: ZoneInfo) -> dt.datetime:
    """When the place of a mail that left at ``left_at`` is free again, for a person who lives by ``clock``."""
    unit = FrequencyUnit(rule.unit)
    if rule.window == FrequencyWindow.ROLLING:
        return left_at + rule.count * SPANS[unit]
    day = left_at.astimezone(clock).date()
    if unit == FrequencyUnit.WEEK:
        day += (7 - day.weekday()) * ONE_DAY
    elif unit == FrequencyUnit.MONTH:
        day = (day.replace(day=1) + 32 * ONE_DAY).replace(day=1)
    else:
        day += ONE_DAY
    return instant(day, dt.time(), clock)


def judge(
    mail: Mail,
    *,
    rules: Iterable[FrequencyRule],
    neighbours: Neighbours,
    clock: ZoneInfo,
    written_at: dt.datetime,
    expires_at: dt.datetime | None = None,
    gave_way: bool = False,
) -> Verdict:
    """What the rules say to a mail that may leave at ``mail.at``. Decides from what it is given alone.

    Of two that compete for the last places under a rule the more important goes first: the other gives way, once.
    """
    held = [
        (rule, [one for one in neighbours.placed if concerns(rule, one) and frees(rule, one.at, clock) > mail.at])
        for rule in rules
        if concerns(rule, mail)
    ]
    full = [(rule, places) for rule, places in held if len(places) >= rule.most]
    if full:
        return _turned_away(full, clock, written_at, expires_at)
    for rule, places in held if not gave_way else ():
        rivals = [rival for rival in neighbours.rivals if concerns(rule, rival)]
        if len(rivals) >= rule.most - len(places):
            first = max(rivals, key=lambda rival: rival.priority)
            until = mail.at + decide_window()
            in_time = expires_at is None or until < expires_at
            return Verdict(False, until if in_time else None, rule, (first.mailing,), gives_way=True)
    return Verdict(True)


def decide_window() -> dt.timedelta:
    """How long a mail gives way to a more important one that is about to come."""
    return dt.timedelta(minutes=settings.DELIVERY_DECIDE_MINUTES)


def keep_limits(mailing: Mailing, asking: Collection[Asking]) -> set[int]:
    """Ask the rules for messages in the hand-over; those that may not leave now are put back or skipped, and returned."""
    rules = list(
        FrequencyRule.objects.filter(
            Q(topic=None) | Q(topic=mailing.topic_id), Q(owner=None) | Q(owner=mailing.group), enabled=True
        )
    )
    if not rules:
        return set()
    at = now()
    ids = [one.message for one in asking]
    people = {one.subscriber for one in asking}
    lock_people(people)
    brand_zone = Brand.objects.values_list("time_zone", flat=True).first() or "UTC"
    neighbours = _neighbours(mailing, people, ids, rules, at)
    held_back = []
    messages = Message.objects.filter(pk__in=ids).select_related("subscriber")
    for message in messages.order_by("pk"):
        mail = Mail(at, mailing.uuid, mailing.topic_id, mailing.group, mailing.priority)
        verdict = judge(
            mail,
            rules=rules,
            neighbours=neighbours[message.subscriber_id],
            clock=zone(message.subscriber.time_zone, brand_zone),
            written_at=message.created_at,
            expires_at=message.expires_at,
            gave_way="yielded_to" in (message.trace or {}),
        )
        if verdict.goes:
            neighbours[message.subscriber_id].placed.append(mail)
        else:
            _hold_back(message, verdict, at)
            held_back.append(message)
    Message.objects.bulk_update(held_back, ["state", "reason", "token", "due_at", "handed_at", "settled_at", "trace"])
    release_places([message.pk for message in held_back if message.state == MessageState.SKIPPED])
    return {message.pk for message in held_back}


def winners(mailing: Mailing) -> list[tuple[str, int]]:
    """Which mailings had the places that this one's capped mails did not get: name and how many mails, the most first.

    A mail whose places were held by two mailings is told of both.
    """
    capped = Message.objects.filter(mailing=mailing, state=MessageState.SKIPPED, reason=SkipReason.CAPPED).order_by()
    counts: dict[str, int] = defaultdict(int)
    for holders, number in capped.values_list("trace__capped_by").annotate(n=Count("pk")):
        for holder in holders or ():
            counts[holder] += number
    names = Mailing.objects.filter(uuid__in=counts).values_list("uuid", "name")
    return sorted(((name, counts[str(uuid)]) for uuid, name in names), key=lambda line: (-line[1], line[0]))


@dataclass(frozen=True)
class TurnedAway:
    """How many mails were left out lately: by each rule (its key), by the day's cap, by the weekly rhythm."""

    by_rule: Mapping[int, int]
    by_day: int
    by_rhythm: int


def turned_away_lately(at: dt.datetime | None = None) -> TurnedAway:
    """The figures of the 30 days before ``at`` (now)."""
    capped = Message.objects.filter(
        state=MessageState.SKIPPED,
        reason__in=(SkipReason.CAPPED, SkipReason.RHYTHM),
        settled_at__gt=(at or now()) - 30 * ONE_DAY,
    )
    by_rule: dict[int, int] = {}
    others = {SkipReason.CAPPED: 0, SkipReason.RHYTHM: 0}
    for reason, rule, number in capped.order_by().values_list("reason", "trace__rule").annotate(n=Count("pk")):
        if rule is None or reason == SkipReason.RHYTHM:
            others[SkipReason(reason)] += number
        else:
            by_rule[rule] = number
    return TurnedAway(by_rule, others[SkipReason.CAPPED], others[SkipReason.RHYTHM])


def _turned_away(
    full: Sequence[tuple[FrequencyRule, list[Mail]]],
    clock: ZoneInfo,
    written_at: dt.datetime,
    expires_at: dt.datetime | None,
) -> Verdict:
    """Wait until all rules have a place again, if all let it wait, and so long; else not at all."""
    holders = sorted((one for _, places in full for one in places), key=lambda one: one.at, reverse=True)
    named = tuple(dict.fromkeys(one.mailing for one in holders))[:NAMED]
    refusing = next((rule for rule, _ in full if rule.otherwise == FrequencyOtherwise.SKIP or not rule.most), None)
    if refusing:
        return Verdict(False, None, refusing, named)
    until, rule = max(
        ((sorted(frees(rule, one.at, clock) for one in places)[-rule.most], rule) for rule, places in full),
        key=lambda pair: pair[0],
    )
    gives_up = written_at + dt.timedelta(hours=min(rule.wait_hours for rule, _ in full))
    in_time = until <= gives_up and (expires_at is None or until < expires_at)
    return Verdict(False, until if in_time else None, rule, named)


def _hold_back(message: Message, verdict: Verdict, at: dt.datetime) -> None:
    """Say in the row what the verdict means, and why in its trace."""
    named = [str(uuid) for uuid in verdict.winners]
    message.trace = {
        **(message.trace or {}),
        **({"rule": verdict.rule.pk, "limit": verdict.rule.name} if verdict.rule else {}),
    }
    if verdict.gives_way:
        message.trace["yielded_to"] = named[0]
    message.token, message.handed_at = None, None
    if verdict.until:
        message.state, message.due_at = MessageState.READY, verdict.until
    else:
        message.state, message.reason, message.settled_at = MessageState.SKIPPED, SkipReason.CAPPED, at
        message.trace["capped_by"] = named


def _neighbours(
    mailing: Mailing, people: Collection[int], asking: Sequence[int], rules: Sequence[FrequencyRule], at: dt.datetime
) -> defaultdict[int, Neighbours]:
    """The other mails of people that a rule may count, and those that a mail of this mailing would give way to; one query."""
    since = at - max(_reach(rule) for rule in rules)
    coming = Q(state=MessageState.CLAIMED) | Q(state=MessageState.READY, due_at__lte=at + decide_window())
    alive = Q(expires_at=None) | Q(expires_at__gt=at)
    rival = coming & alive & Q(mailing__gate=Gate.OPEN, mailing__priority__gt=mailing.priority)
    rows = (
        Message.objects.filter(Q(state__in=HOLDS_A_PLACE, handed_at__gt=since) | rival)
        .filter(subscriber__in=people, mailing__kind=MailingKind.MARKETING)
        .exclude(pk__in=asking)
        .order_by("handed_at", "pk")
        .values_list("subscriber", "state", "handed_at", *_OF_MAILING)
    )
    found: defaultdict[int, Neighbours] = defaultdict(Neighbours)
    for person, state, handed_at, *rest in rows:
        if state in HOLDS_A_PLACE:
            found[person].placed.append(Mail(handed_at, *rest))
        else:
            found[person].rivals.append(Mail(at, *rest))
    return found


def _reach(rule: FrequencyRule) -> dt.timedelta:
    """How far back a rule looks at most; a calendar day may be an hour longer than a day."""
    span = rule.count * SPANS[FrequencyUnit(rule.unit)]
    return span if rule.window == FrequencyWindow.ROLLING else span + 2 * ONE_DAY
