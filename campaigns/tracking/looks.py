"""Due work of tracking, found by looking: clicks to judge, origins to forget."""

from __future__ import annotations

from django.core.cache import cache

from campaigns.tracking import services
from personalize.core import clock


def settle() -> bool:
    return bool(services.settle_clicks(now=clock.now()))


def forget() -> bool:
    """Once an hour, and again at once while there is more."""
    if not cache.add("tracking.forget", True, timeout=3600):
        return False
    found = bool(services.forget_origins(now=clock.now()))
    if found:
        cache.delete("tracking.forget")
    return found
