"""How a campaign's figures are told: the funnel, the first three days, and who was left out for what reason."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.analytics import charts
from campaigns.analytics.charts import Bars, Funnel, Tick
from campaigns.analytics.figures import HOURS, CampaignFigures, LinkFigure
from campaigns.analytics.recipients import Group, reason_label
from personalize.dashboard.figures import rate
from personalize.dashboard.templatetags.dashboard import WaterfallStep

ENOUGH = 30
"""Below so many people a share would say more about chance than about the mail."""

_MOST_LINKS = 20
_TICK_HOURS = 12


@dataclass(frozen=True)
class Step:
    """A step of the funnel; ``people`` None means that nobody tells."""

    label: Any
    people: int | None
    share: str
    detail: str
    who: Group


@dataclass(frozen=True)
class Hour:
    at: dt.datetime
    clicks: int
    orders_so_far: int


@dataclass(frozen=True)
class NumberedLink:
    """A link with its rank and, where enough people clicked, its share of them; ``width`` is that of its bar in percent."""

    rank: int
    link: LinkFigure
    width: str


@dataclass(frozen=True)
class Report:
    figures: CampaignFigures
    steps: list[Step]
    funnel: Funnel
    chart: Bars
    ticks: list[Tick]
    hours: list[Hour]
    orders_in_chart: int
    left_out: list[WaterfallStep]
    links: list[NumberedLink]
    links_more: int
    per_thousand: int | None
    average_order: int | None


def tell(figures: CampaignFigures) -> Report:
    """Arrange ``figures`` for the page; asks the database nothing."""
    steps = _steps(figures)
    so_far = list(accumulate(figures.orders_by_hour))
    start = figures.started_at.replace(minute=0, second=0, microsecond=0)
    hours = [
        Hour(start + dt.timedelta(hours=index), clicks, so_far[index])
        for index, clicks in enumerate(figures.clicks_by_hour)
        if clicks or figures.orders_by_hour[index]
    ]
    chart = charts.bars(figures.clicks_by_hour, so_far=so_far)
    most = max((link.people for link in figures.links), default=0)
    shown = figures.links[:_MOST_LINKS]
    return Report(
        figures=figures,
        steps=steps,
        funnel=charts.funnel([step.people for step in steps]),
        chart=chart,
        ticks=_ticks(start, chart),
        hours=hours,
        orders_in_chart=so_far[-1],
        left_out=_left_out(figures),
        links=[NumberedLink(rank, link, f"{100 * link.people / most:.1f}") for rank, link in enumerate(shown, start=1)],
        links_more=len(figures.links) - len(shown),
        per_thousand=figures.revenue * 1000 // figures.sent if figures.sent >= ENOUGH else None,
        average_order=figures.gross // figures.orders if figures.orders else None,
    )


def _steps(figures: CampaignFigures) -> list[Step]:
    base = _("sent") if figures.delivered is None else _("delivered")
    delivered = (
        Step(_("Delivered"), None, "", _("No mail service has reported a delivery."), Group.DELIVERED)
        if figures.delivered is None
        else Step(
            _("Delivered"),
            figures.delivered,
            _share(figures.delivered, figures.sent, _("sent")),
            _("%(n)s bounced") % {"n": intcomma(figures.bounced)},
            Group.DELIVERED,
        )
    )
    return [
        Step(_("Audience"), figures.audience, _("listed for this campaign"), "", Group.ALL),
        Step(
            _("Sent"),
            figures.sent,
            _share(figures.sent, figures.audience, _("the audience")),
            _sent_detail(figures),
            Group.SENT,
        ),
        delivered,
        Step(
            _("Clicked"),
            figures.clickers,
            _share(figures.clickers, figures.reached, base),
            _interval(figures.clickers, figures.reached),
            Group.CLICKED,
        ),
        Step(
            _("Ordered"),
            figures.buyers,
            _share(figures.buyers, figures.reached, base),
            _interval(figures.buyers, figures.reached),
            Group.ORDERED,
        ),
    ]


def _sent_detail(figures: CampaignFigures) -> str:
    parts = []
    if figures.left_out:
        parts.append(_("%(n)s left out, with reasons") % {"n": intcomma(figures.left_out)})
    if figures.in_doubt:
        parts.append(_("%(n)s in doubt") % {"n": intcomma(figures.in_doubt)})
    if figures.open:
        parts.append(_("%(n)s still to send") % {"n": intcomma(figures.open)})
    return ", ".join(parts)


def _share(part: int, whole: int, base: str) -> str:
    percent = rate(part, whole, enough=ENOUGH).percent
    return _("%(percent)s of %(base)s") % {"percent": percent, "base": base} if percent else _("Not enough data")


def _interval(part: int, whole: int) -> str:
    found = rate(part, whole, enough=ENOUGH)
    if found.percent:
        return found.interval.replace("–", _(" to "))
    return ngettext("readable with %(n)s more person", "readable with %(n)s more people", found.missing) % {
        "n": found.missing
    }


def _ticks(start: dt.datetime, chart: Bars) -> list[Tick]:
    """The first hour in full, then every midnight and noon of the reader's zone."""
    step = (chart.width - chart.left) / HOURS
    local = timezone.localtime(start)
    ticks = [Tick(chart.left, formats.date_format(local, "D j, H:i"))]
    for hour in range(_TICK_HOURS // 2, HOURS):
        at = timezone.localtime(start + dt.timedelta(hours=hour))
        if at.hour % _TICK_HOURS == 0:
            ticks.append(Tick(round(chart.left + hour * step, 1), formats.date_format(at, "D H:i")))
    return ticks


def _left_out(figures: CampaignFigures) -> list[WaterfallStep]:
    """From the audience to the mails sent; empty when everybody got one."""
    if figures.audience == figures.sent:
        return []
    steps = [WaterfallStep(_("Audience"), figures.audience, kind="whole")]
    for code, people in figures.skipped.items():
        steps.append(WaterfallStep(reason_label(code), -people))
    for code, people in figures.failed.items():
        steps.append(WaterfallStep(_("Failed"), -people, note=code))
    if figures.in_doubt:
        steps.append(WaterfallStep(_("In doubt"), -figures.in_doubt, note=_("the answer of the mail server was lost")))
    if figures.open:
        steps.append(WaterfallStep(_("Still to send"), -figures.open))
    return [*steps, WaterfallStep(_("Sent"), figures.sent, kind="result")]
