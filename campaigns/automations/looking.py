"""The look for automations: what is due is done, in the order in which one thing leads to the next."""

from __future__ import annotations

import time
from collections.abc import Callable

from campaigns.automations import calendar, calling, enrolling, executor
from personalize.core import queue

TURN_SECONDS = 20.0
"""How long one look works before the mails that it wrote, and everything else, have a turn."""

SWEEPS: list[Callable[[], bool]] = [
    enrolling.sweep_events,
    calendar.sweep_calendar,
    executor.sweep_due,
    calling.sweep_calls,
]
"""Each does one batch and says whether there was one: what happened, whose day has come, who is due, whom to tell."""


def look() -> bool:
    """Do what is due, for at most TURN_SECONDS; true when there was anything."""
    until = time.monotonic() + TURN_SECONDS
    found = False
    for sweep in SWEEPS:
        while not queue.stopping.is_set() and time.monotonic() < until and sweep():
            found = True
    return found
