"""Due work of tracking, found by looking: clicks to judge."""

from __future__ import annotations

from campaigns.tracking import services
from personalize.core import clock


def settle() -> bool:
    return bool(services.settle_clicks(now=clock.now()))
