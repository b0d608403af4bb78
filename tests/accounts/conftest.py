"""What tests of log-in and settings share."""

from __future__ import annotations

import pytest
from django.core.cache import cache


@pytest.fixture(autouse=True)
def no_earlier_tries() -> None:
    """Failed log-ins of other tests do not count."""
    cache.clear()
