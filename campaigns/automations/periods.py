"""The stretches of time that figures and lists are about: the last so many days, reckoned back from now, or all there is."""

from __future__ import annotations

import datetime as dt

from django.utils.translation import ngettext

from personalize.core.registries import Span

DAYS = (7, 30, 90)
ALL = "all"
KEYS = (*map(str, DAYS), ALL)
"""As they stand in an address."""


def span(key: str, at: dt.datetime) -> Span:
    """The stretch that ends ``at``; ``key`` is one of KEYS."""
    return Span(since=None if key == ALL else at - dt.timedelta(days=int(key)))


def choices() -> list[tuple[str, str]]:
    """The days, for the filter of a list."""
    return [
        (str(days), ngettext("in the last %(n)s day", "in the last %(n)s days", days) % {"n": days}) for days in DAYS
    ]
