"""How an automation's figures are told: day by day, mail by mail, and who came in, went on, or did not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext as _

from campaigns.analytics import charts
from campaigns.analytics.automation_figures import AutomationFigures, MailFigures
from campaigns.analytics.automations import people_url
from campaigns.analytics.charts import Bars, Tick
from campaigns.analytics.recipients import Group, reason_label
from campaigns.analytics.report import ENOUGH
from campaigns.automations import periods
from campaigns.automations.addresses import EVERY, left_out_url
from campaigns.automations.addresses import people_url as enrolments_url
from campaigns.automations.models import Automation
from campaigns.automations.outline import Outline
from campaigns.automations.types import EnrolmentState, LeftOutReason
from campaigns.automations.words import reason_words, titles_of
from campaigns.delivery.types import MessageState
from personalize.core.registries import Stat
from personalize.dashboard.figures import money, rate
from personalize.dashboard.templatetags.dashboard import WaterfallStep

_MOST_DAYS = 92
"""Above so many days a chart has a point for each week, so that it stays readable."""

_WEEK = 7
_TICK_HOURS = 6


@dataclass(frozen=True)
class Chart:
    """A line over time: ``points`` from zero, ``total`` of them, and the same in ``words``."""

    label: Any
    total: int
    note: Any
    points: Sequence[int]
    words: str
    tone: str = ""


@dataclass(frozen=True)
class Slot:
    """A point of the charts, as a row of their table: the day, or the first day of the week."""

    first: dt.date
    came: int
    sent: int
    orders: int


@dataclass(frozen=True)
class MailLine:
    """The figures of one step's mail, or, with ``step`` "", of all of them. ``base`` is what its rates are out of; each of
    ``urls`` leads to the people of the figure of that name."""

    step: str
    title: Any
    mails: MailFigures
    base: int
    urls: dict[str, str]


@dataclass(frozen=True)
class AutomationReport:
    figures: AutomationFigures
    stats: list[Stat]
    weekly: bool
    charts: list[Chart]
    slots: list[Slot]
    delivery_known: bool
    lines: list[MailLine]
    named: list[WaterfallStep]
    ways: list[WaterfallStep]
    not_sent: list[WaterfallStep]
    hours: Bars
    hour_ticks: list[Tick]
    hours_words: str


def tell(automation: Automation, figures: AutomationFigures, *, period: str, currency: str) -> AutomationReport:
    """Arrange the figures of the period for the page."""
    lines = _lines(automation, figures, period)
    weekly = len(figures.days) > _MOST_DAYS
    slots = _slots(figures, _WEEK if weekly else 1)
    hours = charts.bars(figures.sent_by_hour, width=520, height=160)
    return AutomationReport(
        figures=figures,
        stats=_stats(automation, figures, period, currency),
        weekly=weekly,
        charts=_charts(slots, weekly=weekly),
        slots=slots,
        delivery_known=_delivery_known(figures),
        lines=lines,
        named=_named(automation, figures, period),
        ways=_ways(automation, figures, period),
        not_sent=_not_sent(automation, figures, period),
        hours=hours,
        hour_ticks=_hour_ticks(hours),
        hours_words=_hours_words(figures.sent_by_hour),
    )


def _delivery_known(figures: AutomationFigures) -> bool:
    return figures.all_mails.delivered > 0


def _base(mails: MailFigures, figures: AutomationFigures) -> int:
    """The mails a rate is out of: those delivered or, when nobody reports deliveries, sent."""
    return mails.delivered if _delivery_known(figures) else mails.sent


def _stats(automation: Automation, figures: AutomationFigures, period: str, currency: str) -> list[Stat]:
    mails = figures.all_mails
    base = _base(mails, figures)
    return [
        Stat(
            _("Came in"),
            intcomma(figures.came),
            _("%(n)s people") % {"n": intcomma(figures.people)},
            enrolments_url(automation, f"view={EVERY}{_came(period)}") if figures.came else "",
        ),
        Stat(
            _("Mails sent"),
            intcomma(mails.sent),
            _("of %(n)s written") % {"n": intcomma(mails.written)},
            people_url(automation, Group.SENT, period) if mails.sent else "",
        ),
        _share(_("Clicked"), mails.clicked, base, people_url(automation, Group.CLICKED, period)),
        _share(_("Ordered"), mails.ordered, base, people_url(automation, Group.ORDERED, period)),
        Stat(
            _("Worth"),
            money(mails.revenue, currency, short=True),
            _("%(n)s orders, returns taken off") % {"n": intcomma(mails.orders)},
        ),
    ]


def _share(label: str, part: int, whole: int, url: str) -> Stat:
    """A rate that opens the people behind it; its note has the figures it is made of and the interval."""
    found = rate(part, whole, enough=ENOUGH)
    note = _("%(part)s of %(whole)s mails") % {"part": intcomma(part), "whole": intcomma(whole)}
    if found.percent:
        note += ", " + found.interval.replace("–", _(" to "))
    return Stat(label, found.percent, note, url if part else "")


# --- day by day -----------------------------------------------------------------------------------------------------------


def _slots(figures: AutomationFigures, size: int) -> list[Slot]:
    """Stretches of ``size`` days, of which the last ends today and the first may be shorter."""
    found = []
    for end in range(len(figures.days), 0, -size):
        start = max(0, end - size)
        came, sent, orders = (
            sum(days[start:end]) for days in (figures.came_by_day, figures.sent_by_day, figures.orders_by_day)
        )
        found.append(Slot(figures.days[start], came, sent, orders))
    return found[::-1]


def _charts(slots: Sequence[Slot], *, weekly: bool) -> list[Chart]:
    return [
        _chart(_("Came in"), [slot.came for slot in slots], _("each time somebody did"), weekly),
        _chart(_("Mails sent"), [slot.sent for slot in slots], _("on the day they left"), weekly),
        _chart(
            _("Orders after its mails"),
            [slot.orders for slot in slots],
            _("last click within 5 days"),
            weekly,
            tone="money",
        ),
    ]


def _chart(label: str, points: Sequence[int], note: str, weekly: bool, tone: str = "") -> Chart:
    said = (
        _("%(label)s: %(sum)s in all, at most %(most)s in a week. The same as a table below.")
        if weekly
        else _("%(label)s: %(sum)s in all, at most %(most)s in a day. The same as a table below.")
    )
    words = said % {"label": label, "sum": sum(points), "most": max(points)}
    return Chart(label, sum(points), note, points, words, tone)


def _hour_ticks(hours: Bars) -> list[Tick]:
    step = (hours.width - hours.left) / 24
    return [Tick(round(hours.left + hour * step, 1), f"{hour:02}:00") for hour in range(0, 24, _TICK_HOURS)]


def _hours_words(counts: Sequence[int]) -> str:
    most = max(counts)
    if not most:
        return _("No mail left.")
    return _("Mails by the hour at which they left; most, %(n)s, between %(hour)s:00 and %(next)s:00.") % {
        "n": intcomma(most),
        "hour": f"{counts.index(most):02}",
        "next": f"{counts.index(most) + 1:02}",
    }


# --- mail by mail ---------------------------------------------------------------------------------------------------------


def _lines(automation: Automation, figures: AutomationFigures, period: str) -> list[MailLine]:
    """The mails in the order of the steps, and all of them together when there are several."""
    titles = titles_of(automation)
    order = {step: place for place, step in enumerate(Outline.of(automation.draft).items)}
    # A step that is not in the draft any more comes behind those that are; one that wrote nothing is of no interest then.
    steps = sorted(
        (step for step, mails in figures.mails.items() if mails.written or step in order),
        key=lambda step: order.get(step, len(order)),
    )
    lines = [(step, titles.get(step, step), figures.mails[step]) for step in steps]
    if len(lines) > 1:
        lines.append(("", _("All mails"), figures.all_mails))
    groups = (Group.SENT, Group.DELIVERED, Group.CLICKED, Group.ORDERED, Group.UNSUBSCRIBED)
    return [
        MailLine(
            step,
            title,
            mails,
            _base(mails, figures),
            {group.value: people_url(automation, group, period, step) for group in groups},
        )
        for step, title, mails in lines
    ]


def _not_sent(automation: Automation, figures: AutomationFigures, period: str) -> list[WaterfallStep]:
    """From the mails written to those sent; empty when all were."""
    mails = figures.all_mails
    if mails.written == mails.sent:
        return []
    steps = [WaterfallStep(_("Written"), mails.written, people_url(automation, Group.ALL, period), kind="whole")]
    for (state, reason), n in mails.reasons.most_common():
        url = f"{people_url(automation, Group.LEFT_OUT, period)}&reason={quote(reason)}"
        if state == MessageState.SKIPPED:
            steps.append(WaterfallStep(reason_label(reason), -n, url))
        elif state == MessageState.FAILED:
            steps.append(WaterfallStep(_("Failed"), -n, url, note=reason))
    in_doubt = mails.states[MessageState.IN_DOUBT]
    if in_doubt:
        steps.append(WaterfallStep(_("In doubt"), -in_doubt, note=_("the answer of the mail server was lost")))
    if mails.open:
        steps.append(WaterfallStep(_("Still to send"), -mails.open))
    return [*steps, WaterfallStep(_("Sent"), mails.sent, people_url(automation, Group.SENT, period), kind="result")]


# --- person by person -----------------------------------------------------------------------------------------------------


def _named(automation: Automation, figures: AutomationFigures, period: str) -> list[WaterfallStep]:
    """From those who were named to those who came in; empty when nobody was left out."""
    if not figures.left_out:
        return []
    at = "" if period == periods.ALL else f"&at={period}"
    return [
        WaterfallStep(_("Were named"), figures.came + figures.left_out.total(), kind="whole"),
        *(
            WaterfallStep(LeftOutReason(reason).label, -n, left_out_url(automation, f"reason={reason}{at}"))
            for reason, n in figures.left_out.most_common()
        ),
        WaterfallStep(
            _("Came in"), figures.came, enrolments_url(automation, f"view={EVERY}{_came(period)}"), kind="result"
        ),
    ]


def _ways(automation: Automation, figures: AutomationFigures, period: str) -> list[WaterfallStep]:
    """From those who came in to those who came to the end; empty when nobody came in."""
    if not figures.came:
        return []
    came = _came(period)
    done = sum(n for (state, _reason), n in figures.ended.items() if state == EnrolmentState.DONE)
    steps = [WaterfallStep(_("Came in"), figures.came, enrolments_url(automation, f"view={EVERY}{came}"), kind="whole")]
    for (state, reason), n in _left_early(figures.ended.most_common()):
        url = enrolments_url(automation, f"view={EVERY}&state={state}&reason={reason}{came}")
        steps.append(WaterfallStep(reason_words(reason), -n, url))
    if figures.inside:
        steps.append(WaterfallStep(_("In it now"), -figures.inside, enrolments_url(automation, f"view=now{came}")))
    url = enrolments_url(automation, f"view={EVERY}&state={EnrolmentState.DONE.value}{came}")
    return [*steps, WaterfallStep(EnrolmentState.DONE.label, done, url, kind="result")]


def _left_early(ended: Iterable[tuple[tuple[str, str], int]]) -> list[tuple[tuple[str, str], int]]:
    return [(key, n) for key, n in ended if key[0] != EnrolmentState.DONE]


def _came(period: str) -> str:
    """The filter of the list of people that says when they came in."""
    return "" if period == periods.ALL else f"&came={period}"
