"""The one place that asks what time it is, so that everything else can be told."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone
from django.utils.translation import gettext as _


def now() -> dt.datetime:
    """The present instant, aware, in UTC."""
    return timezone.now().astimezone(dt.UTC)


AHEAD = dt.timedelta(minutes=5)
"""How far another system's clock may run ahead of ours."""

FRESH = dt.timedelta(days=30)
"""How old a message from another system may be and still start something."""

LONG_AGO = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def stamp_problem(at: dt.datetime, *, now: dt.datetime, historic: bool) -> str:
    """Why a time that another system gives is not taken; empty when it is. ``historic`` words may be old."""
    if at > now + AHEAD:
        return _("lies in the future")
    if at < (LONG_AGO if historic else now - FRESH):
        return _("is before 1970") if historic else _("is older than 30 days; send it as historic")
    return ""
