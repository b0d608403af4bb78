"""The figures of sent campaigns, counted from rows in a fixed number of queries; nothing here is stored."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Case, CharField, Count, Exists, OuterRef, Q, Sum, Value, When
from django.db.models.functions import StrIndex, Substr, TruncHour

from campaigns.analytics.attribution import credited_orders
from campaigns.delivery.models import Link, Message, Run
from campaigns.delivery.types import MessageState
from campaigns.scheduled.models import Campaign
from campaigns.tracking.models import Hit

HOURS = 72
_HOUR = dt.timedelta(hours=1)

SERVICES = {
    "Gmail": ("gmail.com", "googlemail.com"),
    "Microsoft": ("outlook.com", "hotmail.com", "hotmail.co.uk", "live.com", "live.co.uk", "msn.com", "outlook.de"),
    "Apple": ("icloud.com", "me.com", "mac.com"),
    "Yahoo": ("yahoo.com", "yahoo.co.uk", "yahoo.de", "yahoo.fr", "ymail.com", "rocketmail.com", "aol.com"),
}


@dataclass(frozen=True)
class LinkFigure:
    """How many people followed a link; ``orders`` are those credited to it, as the last one clicked."""

    key: str
    label: str
    url: str
    people: int
    orders: int


@dataclass(frozen=True)
class ServiceFigure:
    """How one mail service took the mail; ``service`` empty stands for all others, ``domains`` is how many those are."""

    service: str
    domains: int
    reached: int
    clickers: int


@dataclass(frozen=True)
class CampaignFigures:
    """What became of one campaign. Money is in ten-thousandths; ``delivered`` is None when nobody reports deliveries."""

    audience: int
    sent: int
    open: int
    in_doubt: int
    skipped: dict[str, int]
    failed: dict[str, int]
    delivered: int | None
    bounced: int
    complained: int
    unsubscribed: int
    clickers: int
    machine_clicks: int
    orders: int
    buyers: int
    gross: int
    returned: int
    started_at: dt.datetime
    clicks_by_hour: tuple[int, ...]
    orders_by_hour: tuple[int, ...]
    links: tuple[LinkFigure, ...]
    services: tuple[ServiceFigure, ...]

    @property
    def reached(self) -> int:
        """The people a rate is about: those the mail was delivered to or, when that is not known, sent to."""
        return self.sent if self.delivered is None else self.delivered

    @property
    def revenue(self) -> int:
        return self.gross - self.returned

    @property
    def left_out(self) -> int:
        return self.audience - self.sent - self.open - self.in_doubt


def campaign_figures(campaign: Campaign) -> CampaignFigures | None:
    """All figures of ``campaign``; None when it has gathered nobody yet. Seven queries."""
    run = campaign.run
    if run is None:
        return None
    started_at = campaign.started_at or run.created_at
    messages = Message.objects.filter(run=run)
    states: Counter[MessageState] = Counter()
    skipped: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for state, reason, count in messages.order_by().values_list("state", "reason").annotate(n=Count("pk")):
        states[MessageState(state)] += count
        if state == MessageState.SKIPPED:
            skipped[reason] += count
        elif state == MessageState.FAILED:
            failed[reason] += count
    marks = messages.aggregate(
        delivered=Count("delivered_at"),
        bounced=Count("bounced_at"),
        complained=Count("complained_at"),
        unsubscribed=Count("unsubscribed_at"),
    )
    clicks = Hit.objects.clicks().filter(message__run=run)
    people = clicks.by_people()
    totals = clicks.aggregate(
        clickers=Count("message", distinct=True, filter=Q(verdict="human")),
        machine_clicks=Count("pk", filter=Q(verdict__in=["machine", "probable_machine"])),
    )
    by_hour = dict(
        people.filter(at__lt=_first_hour(started_at) + HOURS * _HOUR)
        .order_by()
        .values_list(TruncHour("at", tzinfo=dt.UTC))
        .annotate(n=Count("pk"))
    )
    bought = _bought(run)
    return CampaignFigures(
        audience=states.total(),
        sent=states[MessageState.SENT],
        open=states[MessageState.READY] + states[MessageState.CLAIMED] + states[MessageState.SENDING],
        in_doubt=states[MessageState.IN_DOUBT],
        skipped=dict(skipped.most_common()),
        failed=dict(failed.most_common()),
        delivered=marks["delivered"] or None,
        bounced=marks["bounced"],
        complained=marks["complained"],
        unsubscribed=marks["unsubscribed"],
        clickers=totals["clickers"],
        machine_clicks=totals["machine_clicks"],
        orders=len(bought),
        buyers=len({order.subscriber for order in bought}),
        gross=sum(order.total for order in bought),
        returned=sum(order.returned for order in bought),
        started_at=started_at,
        clicks_by_hour=_hours(started_at, by_hour),
        orders_by_hour=_hours(started_at, Counter(_first_hour(order.placed_at) for order in bought)),
        links=_links(run, bought),
        services=_services(run, delivery_known=bool(marks["delivered"])),
    )


@dataclass(frozen=True)
class Bought:
    """An order credited to the campaign."""

    subscriber: int
    placed_at: dt.datetime
    total: int
    returned: int
    link: int | None


def _bought(run: Run) -> list[Bought]:
    clickers = Hit.objects.clicks().by_people().filter(message__run=run)
    orders = credited_orders().filter(
        subscriber__in=clickers.values("message__subscriber"), placed_at__gte=run.created_at, credited_run=run.pk
    )
    rows = orders.values_list("subscriber_id", "placed_at", "total", "returned", "credited_link")
    return [Bought(*row) for row in rows]


def _links(run: Run, bought: Sequence[Bought]) -> tuple[LinkFigure, ...]:
    """Links by people, most first; the same link in two variants is one. Links nobody followed are left out."""
    followed = (
        Link.objects.filter(hits__message__run=run, hits__kind="click", hits__verdict="human")
        .annotate(people=Count("hits__message", distinct=True))
        .order_by("mailing", "number")
    )
    orders = Counter(order.link for order in bought)
    first: dict[str, Link] = {}
    people: Counter[str] = Counter()
    ordered: Counter[str] = Counter()
    for link in followed:
        first.setdefault(link.key, link)
        people[link.key] += link.people
        ordered[link.key] += orders[link.pk]
    return tuple(
        LinkFigure(
            key=key,
            label=first[key].label or first[key].url,
            url=first[key].url,
            people=count,
            orders=ordered[key],
        )
        for key, count in people.most_common()
    )


def _services(run: Run, *, delivery_known: bool) -> tuple[ServiceFigure, ...]:
    """By mail service of the address, largest first, all others last."""
    known = [When(domain__in=domains, then=Value(name)) for name, domains in SERVICES.items()]
    reached = Message.objects.filter(run=run, state=MessageState.SENT)
    if delivery_known:
        reached = reached.filter(delivered_at__isnull=False)
    rows = (
        reached.annotate(
            domain=Substr("subscriber__email", StrIndex("subscriber__email", Value("@")) + 1),
            service=Case(*known, default=Value(""), output_field=CharField()),
            clicked=Exists(Hit.objects.clicks().by_people().filter(message=OuterRef("pk"))),
        )
        .order_by()
        .values("service")
        .annotate(n=Count("pk"), clickers=Count("pk", filter=Q(clicked=True)), domains=Count("domain", distinct=True))
    )
    figures = [ServiceFigure(row["service"], row["domains"], row["n"], row["clickers"]) for row in rows]
    return tuple(sorted(figures, key=lambda figure: (figure.service == "", -figure.reached, figure.service)))


def _first_hour(at: dt.datetime) -> dt.datetime:
    return at.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)


def _hours(started_at: dt.datetime, counts: dict[dt.datetime, int]) -> tuple[int, ...]:
    start = _first_hour(started_at)
    return tuple(counts.get(start + hour * _HOUR, 0) for hour in range(HOURS))


@dataclass(frozen=True)
class Summary:
    """A campaign's line in the list of reports."""

    campaign: Campaign
    audience: int
    sent: int
    delivered: int | None
    clickers: int
    orders: int
    revenue: int

    @property
    def reached(self) -> int:
        return self.sent if self.delivered is None else self.delivered


def summaries(campaigns: Sequence[Campaign]) -> list[Summary]:
    """One line for each of ``campaigns``, in their order; three queries, however many there are."""
    runs = [campaign.run_id for campaign in campaigns if campaign.run_id]
    mails = {
        row["run"]: row
        for row in Message.objects.filter(run__in=runs)
        .order_by()
        .values("run")
        .annotate(
            audience=Count("pk"), sent=Count("pk", filter=Q(state=MessageState.SENT)), delivered=Count("delivered_at")
        )
    }
    clicks = Hit.objects.clicks().by_people().filter(message__run__in=runs).order_by()
    clickers = dict(clicks.values_list("message__run").annotate(n=Count("message", distinct=True)))
    orders = {
        row["credited_run"]: row
        for row in credited_orders()
        .filter(subscriber__in=clicks.values("message__subscriber"), credited_run__in=runs)
        .order_by()
        .values("credited_run")
        .annotate(n=Count("pk"), gross=Sum("total"), back=Sum("returned"))
    }
    nothing = {"audience": 0, "sent": 0, "delivered": 0, "n": 0, "gross": 0, "back": 0}
    lines = []
    for campaign in campaigns:
        run = campaign.run_id or 0
        mail, order = mails.get(run, nothing), orders.get(run, nothing)
        lines.append(
            Summary(
                campaign=campaign,
                audience=mail["audience"],
                sent=mail["sent"],
                delivered=mail["delivered"] or None,
                clickers=clickers.get(run, 0),
                orders=order["n"],
                revenue=order["gross"] - order["back"],
            )
        )
    return lines
