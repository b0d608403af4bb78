"""The figures of an automation over a stretch of time, counted from rows in a fixed number of queries.

They are about those who came in within it and the mails written within it, with everything that came of both until now.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Count, QuerySet
from django.db.models.functions import ExtractHour, TruncDate
from django.utils import timezone

from campaigns.analytics.attribution import orders_after
from campaigns.automations import periods
from campaigns.automations.figures import mail_owners, messages
from campaigns.automations.models import Automation, Enrolment, LeftOut
from campaigns.automations.types import OPEN
from campaigns.delivery.models import Message
from campaigns.delivery.types import OPEN_STATES, MessageState
from campaigns.tracking.models import Hit

_DAY = dt.timedelta(days=1)


@dataclass
class MailFigures:
    """What became of mails: ``ordered`` are those with an order credited to them. Money is in ten-thousandths."""

    states: Counter[MessageState] = field(default_factory=Counter)
    reasons: Counter[tuple[MessageState, str]] = field(default_factory=Counter)
    delivered: int = 0
    bounced: int = 0
    complained: int = 0
    unsubscribed: int = 0
    clicked: int = 0
    ordered: int = 0
    orders: int = 0
    revenue: int = 0

    @property
    def written(self) -> int:
        return self.states.total()

    @property
    def sent(self) -> int:
        return self.states[MessageState.SENT]

    @property
    def open(self) -> int:
        return sum(self.states[state] for state in OPEN_STATES)

    def __add__(self, other: MailFigures) -> MailFigures:
        return MailFigures(**{name: getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__})


@dataclass(frozen=True)
class AutomationFigures:
    """An automation since ``since`` (None: ever), as of ``at``.

    ``mails`` are by step, ``ended`` by state and reason. ``days`` are those of the reader's zone from the first to today, and
    ``came_by_day``, ``sent_by_day`` and ``orders_by_day`` say when people came in, mails left and the orders credited to them
    were placed; ``sent_by_hour`` are the 24 hours of the day at which mails left.
    """

    since: dt.datetime | None
    at: dt.datetime
    came: int
    people: int
    inside: int
    ended: Counter[tuple[str, str]]
    left_out: Counter[str]
    mails: dict[str, MailFigures]
    days: tuple[dt.date, ...]
    came_by_day: tuple[int, ...]
    sent_by_day: tuple[int, ...]
    orders_by_day: tuple[int, ...]
    sent_by_hour: tuple[int, ...]

    @property
    def all_mails(self) -> MailFigures:
        return sum(self.mails.values(), MailFigures())


def automation_figures(automation: Automation, *, period: str, at: dt.datetime) -> AutomationFigures:
    """All figures of the period, one of ``periods.KEYS``, that ends ``at``; ten queries."""
    span = periods.span(period, at)
    came: QuerySet[Enrolment] = span.of(Enrolment.objects.filter(automation=automation), "created_at").order_by()
    left_out: QuerySet[LeftOut] = span.of(LeftOut.objects.filter(automation=automation), "at").order_by()
    owners = mail_owners(automation)
    mails: QuerySet[Message] = span.of(messages(list(owners)), "created_at").order_by()
    sent = mails.filter(state=MessageState.SENT)

    ends = {(state, reason): n for state, reason, n in came.values_list("state", "reason").annotate(n=Count("pk"))}
    bought = _bought(mails)
    came_by_day, sent_by_day = _by_day(came, "created_at"), _by_day(sent, "handed_at")
    orders_by_day = Counter(timezone.localtime(order.placed_at).date() for order in bought)
    by_hour = dict(sent.values_list(ExtractHour("handed_at")).annotate(n=Count("pk")))
    days = _days(span.since, [*came_by_day, *sent_by_day], timezone.localtime(at).date())
    return AutomationFigures(
        since=span.since,
        at=at,
        came=sum(ends.values()),
        people=came.values("subscriber").distinct().count(),
        inside=sum(n for (state, _reason), n in ends.items() if state in OPEN),
        ended=Counter({(state, reason): n for (state, reason), n in ends.items() if state not in OPEN}),
        left_out=Counter(dict(left_out.values_list("reason").annotate(n=Count("pk")))),
        mails=_by_step(mails, owners, bought),
        days=days,
        came_by_day=tuple(came_by_day[day] for day in days),
        sent_by_day=tuple(sent_by_day[day] for day in days),
        orders_by_day=tuple(orders_by_day[day] for day in days),
        sent_by_hour=tuple(by_hour.get(hour, 0) for hour in range(24)),
    )


@dataclass(frozen=True)
class _Bought:
    """An order credited to a mail."""

    owner: UUID
    mail: int | None
    placed_at: dt.datetime
    total: int
    returned: int


def _bought(mails: QuerySet[Message]) -> list[_Bought]:
    rows = orders_after(mails).values_list("owner", "credited_message", "placed_at", "total", "returned")
    return [_Bought(*row) for row in rows]


def _by_step(mails: QuerySet[Message], owners: Mapping[UUID, str], bought: Sequence[_Bought]) -> dict[str, MailFigures]:
    """What became of the mails of each step, those of all versions together."""
    found = {step: MailFigures() for step in owners.values()}
    rows = mails.values_list("mailing__owner", "state", "reason").annotate(
        n=Count("pk"),
        delivered=Count("delivered_at"),
        bounced=Count("bounced_at"),
        complained=Count("complained_at"),
        unsubscribed=Count("unsubscribed_at"),
    )
    for owner, state, reason, n, delivered, bounced, complained, unsubscribed in rows:
        found[owners[owner]] += MailFigures(
            states=Counter({MessageState(state): n}),
            reasons=Counter({(MessageState(state), reason): n}),
            delivered=delivered,
            bounced=bounced,
            complained=complained,
            unsubscribed=unsubscribed,
        )
    clicks = Hit.objects.clicks().by_people().filter(message__in=mails.values("pk")).order_by()
    for owner, clicked in clicks.values_list("message__mailing__owner").annotate(n=Count("message", distinct=True)):
        found[owners[owner]] += MailFigures(clicked=clicked)
    followed: set[int | None] = set()
    for order in bought:
        found[owners[order.owner]] += MailFigures(
            ordered=int(order.mail not in followed), orders=1, revenue=order.total - order.returned
        )
        followed.add(order.mail)
    return found


def _by_day(rows: QuerySet, field: str) -> Counter[dt.date]:  # type: ignore[type-arg]  # Any model's.
    return Counter(dict(rows.values_list(TruncDate(field)).annotate(n=Count("pk"))))


def _days(since: dt.datetime | None, happened: list[dt.date], today: dt.date) -> tuple[dt.date, ...]:
    """Every day from ``since`` on, or from the first on which something happened, until today."""
    first = timezone.localtime(since).date() if since else min(happened, default=today)
    return tuple(first + number * _DAY for number in range((today - first).days + 1))
