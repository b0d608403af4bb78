"""Slows down whoever guesses: each failure beyond the first few doubles the wait."""

from __future__ import annotations

import time

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest

FREE_FAILURES = 4
LONGEST_WAIT_SECONDS = 900
FORGET_AFTER_SECONDS = 3600


def wait_seconds(key: str) -> int:
    """How long ``key`` still has to wait before the next try; 0: go ahead."""
    until = cache.get(f"wait:{key}", 0.0)
    return max(0, round(until - time.time() + 0.5)) if until else 0


def note_failure(key: str) -> None:
    """Count a failed try of ``key``; from the fifth within an hour on, it has to wait, twice as long each time."""
    counter = f"failures:{key}"
    cache.add(counter, 0, FORGET_AFTER_SECONDS)
    failures = cache.incr(counter)
    if failures > FREE_FAILURES:
        wait = min(LONGEST_WAIT_SECONDS, 2 ** (failures - FREE_FAILURES + 1))
        cache.set(f"wait:{key}", time.time() + wait, wait)


def forget(key: str) -> None:
    """Start afresh after a success."""
    cache.delete_many([f"wait:{key}", f"failures:{key}"])


def client_address(request: HttpRequest) -> str:
    """Where a request comes from: the last hop our own proxy saw, or the connection itself without a proxy."""
    forwarded = request.headers.get("X-Forwarded-For", "") if settings.SECURE_PROXY_SSL_HEADER else ""
    return forwarded.rpartition(",")[2].strip() or str(request.META.get("REMOTE_ADDR", ""))


def take(key: str, *, limit: int, seconds: int) -> int:
    """Take one of ``limit`` turns that ``key`` has in each period of ``seconds``.

    0: taken; otherwise how many seconds until there are turns again. Without Redis each process counts for itself.
    """
    moment = int(time.time())
    period, gone = divmod(moment, seconds)
    counter = f"turns:{key}:{period}"
    cache.add(counter, 0, seconds)
    try:
        taken = cache.incr(counter)
    except ValueError:
        return 0  # The period ended between the two calls.
    return 0 if taken <= limit else seconds - gone
