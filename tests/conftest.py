"""What every test may ask for: the cast, a brand, and rows made with one call."""

from __future__ import annotations

import datetime as dt

import pytest

import personalize.celery  # noqa: F401  The Celery app must exist before anything queues work.
from personalize.accounts.models import Brand, Role, User

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
