"""What every test may ask for: the cast, a brand, and rows made with one call."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

import personalize.celery  # noqa: F401  The Celery app must exist before anything queues work.
from personalize.accounts.models import Brand, Role, User
from tests.servers import RealWorker

NOW = dt.datetime(2026, 11, 19, 8, 40, tzinfo=dt.UTC)


@pytest.fixture
def brand(db: None) -> Brand:
    """Alder & Wren, the shop of the examples."""
    return Brand.objects.create(
        pk=1,
        name="Alder & Wren",
        postal_address="Alder & Wren Ltd, 14 Orchard Mews, Bristol BS1 4ND, United Kingdom",
        website="https://alderandwren.example",
        time_zone="Europe/London",
    )


@pytest.fixture
def maya(db: None) -> User:
    """Maya owns the shop."""
    return User.objects.create_user("maya@alderandwren.example", "tea-and-cake-12", first_name="Maya", role=Role.OWNER)


@pytest.fixture
def priya(db: None) -> User:
    """Priya writes the mails."""
    return User.objects.create_user(
        "priya@alderandwren.example", "tea-and-cake-12", first_name="Priya", role=Role.MARKETER
    )


@pytest.fixture
def alan(db: None) -> User:
    """Alan looks at figures and may change nothing."""
    return User.objects.create_user(
        "alan@alderandwren.example", "tea-and-cake-12", first_name="Alan", role=Role.ANALYST
    )


@pytest.fixture
def redis_url() -> str:
    """An emptied Redis, which is the broker too; without one the test is skipped, but on CI it fails."""
    url = os.environ.get("TEST_REDIS_URL", "")
    if not url and os.environ.get("CI") == "true":
        pytest.fail("TEST_REDIS_URL is not set. Run the tests with: python3 manage.py test")
    if not url:
        pytest.skip("needs Redis: run python3 manage.py test, or set TEST_REDIS_URL")
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture
def real_worker(transactional_db: None, tmp_path: Path) -> Iterator[RealWorker]:
    """A real worker process on this test's database; the broker is Redis where there is one, else a folder."""
    worker = RealWorker(tmp_path)
    try:
        worker.start()
        yield worker
    finally:
        worker.stop()
