"""The one place that asks what time it is, so that everything else can be told."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone


def now() -> dt.datetime:
    """The present instant, aware, in UTC."""
    return timezone.now().astimezone(dt.UTC)
