"""How figures, money and moments are written, the same on every page."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from babel.numbers import format_currency
from django.utils import formats, timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from personalize.core import clock
from personalize.core.statistics import wilson

ENOUGH_TRIALS = 100  # Below this a 95 % interval of a usual click rate is wider than the rate itself.
TEN_THOUSANDTHS = Decimal(10_000)


@dataclass(frozen=True)
class Rate:
    """A share as it is shown: ``percent`` None says there is not enough data; ``missing`` is how many more are needed."""

    percent: str | None
    interval: str = ""
    trials: int = 0
    missing: int = 0


def rate(successes: int, trials: int, *, digits: int = 1, enough: int = ENOUGH_TRIALS) -> Rate:
    """The share of ``successes`` in ``trials`` with its 95 % interval, in percent; no figure below ``enough`` trials."""
    bounds = wilson(successes, trials)
    if trials < enough or bounds is None:
        return Rate(None, trials=trials, missing=enough - trials)
    # Django's formatting cuts digits off where people expect them rounded.
    low, high = (formats.number_format(round(100 * bound, digits), digits) for bound in bounds)
    return Rate(formats.number_format(round(100 * successes / trials, digits), digits) + "%", f"{low}–{high}", trials)


def money(amount: int, currency: str, *, short: bool = False) -> str:
    """An ``amount`` of ten-thousandths as people write it, such as £412.60; ``short`` leaves decimals away from 1,000 up."""
    value = Decimal(amount) / TEN_THOUSANDTHS
    locale = (get_language() or "en-gb").replace("-", "_")
    if short and abs(value) >= 1000:
        return format_currency(
            value.quantize(Decimal(1)), currency, format="¤#,##0", locale=locale, currency_digits=False
        )
    return format_currency(value, currency, locale=locale)


def moment(at: dt.datetime, *, now: dt.datetime | None = None) -> str:
    """A moment in the reader's zone, as short as it can be: 08:12 today, Tue 21:40 this week, 12 Oct, 23 Sep 2025."""
    local = timezone.localtime(at)
    today = timezone.localtime(now or clock.now())
    clock_time = formats.date_format(local, "H:i")
    days = (today.date() - local.date()).days
    if days == 0:
        return _("Today %(time)s") % {"time": clock_time}
    if days == 1:
        return _("Yesterday %(time)s") % {"time": clock_time}
    if -7 < days < 7:
        return f"{formats.date_format(local, 'D')} {clock_time}"
    return day(local.date(), today=today.date())


def day(date: dt.date, *, today: dt.date | None = None) -> str:
    """A date without the year when it is this one: 12 Oct, 23 Sep 2025."""
    today = today or timezone.localdate()
    return formats.date_format(date, "j M" if date.year == today.year else "j M Y")


def day_heading(date: dt.date) -> str:
    """A day as a heading in the reader's zone: Today, Yesterday, Wednesday 18 November; with the year when another."""
    today = timezone.localdate()
    if date == today:
        return _("Today")
    if date == today - dt.timedelta(days=1):
        return _("Yesterday")
    return formats.date_format(date, "l j F" if date.year == today.year else "l j F Y")


def zone_name() -> str:
    """The zone times are shown in, as a city: ``Europe/London`` is London."""
    return timezone.get_current_timezone_name().rpartition("/")[2].replace("_", " ")
