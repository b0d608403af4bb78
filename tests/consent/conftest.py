"""Ann, a shop with topics, strangers without cookies, and the mails that consent asks for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.cache import cache
from django.test import Client

from personalize.accounts.models import Brand
from personalize.core import hooks
from personalize.core.tokens import Purpose, seal
from segments.consent.models import OptIn, SignupForm, Topic
from segments.consent.views import public
from segments.subscribers.models import Subscriber
from tests.factories import NOW, make_subscriber, make_topic


@pytest.fixture
def ann(db: None) -> Subscriber:
    return make_subscriber("ann.whitaker@post.example", first_name="Ann", last_name="Whitaker")


@pytest.fixture
def news(db: None) -> Topic:
    return make_topic("news")


@pytest.fixture
def winter(db: None) -> Topic:
    """A topic that people must confirm."""
    return make_topic("winter", name="Winter and gifts", frequency="About twice a month", opt_in=OptIn.DOUBLE)


@pytest.fixture
def signup(brand: Brand, winter: Topic) -> SignupForm:
    """The form at the foot of the shop's pages."""
    form = SignupForm.objects.create(
        key="footer",
        name="Footer",
        heading="Letters worth opening",
        wording="Yes, send me letters. I can leave at any time.",
        button="Sign up",
        thanks="If your address is new here, a mail asks you to confirm.",
        asks=["first_name", "birth_date"],
        created_at=NOW,
    )
    form.topics.add(winter)
    return form


@pytest.fixture
def stranger() -> Client:
    """Any program on the internet: no cookies, and CSRF checks as in production."""
    return Client(enforce_csrf_checks=True)


@pytest.fixture
def wanted(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The service mails asked for, in order."""
    heard: list[dict[str, Any]] = []
    monkeypatch.setattr(hooks.mail_requested, "_listeners", [lambda **facts: heard.append(facts)])
    return heard


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Answers need not be level, save where that is tested, and nobody has used up their turns."""
    monkeypatch.setattr(public, "ANSWER_SECONDS", 0)
    cache.clear()
    yield
    cache.clear()


def path(mail: dict[str, Any]) -> str:
    """Where the mail's link leads, on this host."""
    return urlsplit(mail["context"]["url"]).path


def page_of(person: Subscriber, purpose: Purpose = Purpose.PREFERENCES, at: Any = NOW) -> str:
    letter = {Purpose.PREFERENCES: "p", Purpose.CONFIRM: "c", Purpose.UNDO: "b"}[purpose]
    return f"/{letter}/{seal(purpose, person.uuid, issued_at=at)}"
