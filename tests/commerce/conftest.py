"""A fixed present for everything about the shop: carts of the future are refused, and tests have dates of their own."""

from __future__ import annotations

import datetime as dt

import pytest

from personalize.core import clock
from tests.factories import NOW


@pytest.fixture(autouse=True)
def present(monkeypatch: pytest.MonkeyPatch) -> dt.datetime:
    """A day after the tests' NOW."""
    now = NOW + dt.timedelta(days=1)
    monkeypatch.setattr(clock, "now", lambda: now)
    return now
