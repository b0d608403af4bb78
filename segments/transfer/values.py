"""Numbers, times and answers as people write them in files: the value, or the reason as a Bad."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from django.utils.translation import gettext as _

from personalize.core import clock

_DECIMAL = re.compile(r"[+-]?\d{1,13}(\.\d{1,20})?")
_INT = re.compile(r"[+-]?\d{1,10}(\.0+)?")


@dataclass(frozen=True)
class Bad:
    """A value that cannot be read, and why."""

    reason: str


@lru_cache(maxsize=8192)
def number(text: str) -> Decimal | Bad:
    """A decimal number written with a point and no thousands marks."""
    text = text.strip()
    if _DECIMAL.fullmatch(text):
        return Decimal(text)
    return Bad(_("“%s” is not a number such as 2.55") % text[:40])


@lru_cache(maxsize=8192)
def whole(text: str) -> int | Bad:
    """A whole number."""
    text = text.strip()
    if _INT.fullmatch(text):
        return int(text.partition(".")[0])
    return Bad(_("“%s” is not a whole number") % text[:40])


@lru_cache(maxsize=8192)
def instant(text: str) -> dt.datetime | Bad:
    """A moment in ISO 8601, UTC where no zone is named; not in the future and not before 1990."""
    try:
        at = dt.datetime.fromisoformat(text.strip())
        at = at.astimezone(dt.UTC) if at.tzinfo else at.replace(tzinfo=dt.UTC)
    except (ValueError, OverflowError):
        return Bad(_("“%s” is not a date and time such as 2011-12-09 12:50:00") % text[:40])
    if at.year < 1990 or at > clock.now() + dt.timedelta(days=1):
        return Bad(_("“%s” lies in the future or before 1990") % text[:40])
    return at


def answer(text: str) -> bool | Bad:
    """Yes or no."""
    word = text.strip().casefold()
    if word in ("true", "yes", "y", "1"):
        return True
    if word in ("false", "no", "n", "0"):
        return False
    return Bad(_("“%s” is neither yes nor no") % text[:40])
