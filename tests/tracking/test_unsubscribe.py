"""Leaving: at once for a mail program's POST, never by opening a page, and undone only by who has just left."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.test import Client

from campaigns.delivery.models import Outcome
from personalize.core.tokens import Purpose
from segments.consent.models import ConsentEntry, Subscription, Suppression
from segments.subscribers.models import Subscriber
from tests.factories import NOW, make_subscription, make_topic
from tests.tracking.world import address

pytestmark = pytest.mark.django_db

ONE_CLICK = b"List-Unsubscribe=One-Click"


@pytest.fixture
def page(mail) -> str:
    return address(mail, Purpose.UNSUBSCRIBE)


@pytest.fixture
def stranger() -> Client:
    """Any program on the internet: no cookies, and CSRF checks as in production."""
    return Client(enforce_csrf_checks=True)


def state(key: str = "winter") -> str:
    return Subscription.objects.get(topic__key=key).state


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (ONE_CLICK, "application/x-www-form-urlencoded"),
        (
            b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
        ),
        (ONE_CLICK, "multipart/form-data"),
        (ONE_CLICK, "application/x-www-form-urlencoded; charset=latin-1"),
        (ONE_CLICK, "application/x-www-form-urlencoded; charset=nonsense"),
        (b"{}", "application/json"),
        (b"\xff\xfe", "text/plain"),
        (b"", "application/x-www-form-urlencoded"),
        (b"", ""),
        (b"&".join(b"a%d=1" % n for n in range(2000)), "application/x-www-form-urlencoded"),
    ],
)
def test_one_click_leaves_at_once_whatever_the_body(mail, page, stranger, body, content_type):
    response = stranger.generic("POST", page, body, content_type=content_type)
    assert response.status_code == 200
    assert "Location" not in response
    assert not response.cookies
    assert state() == "unsubscribed"
    entry = ConsentEntry.objects.get()
    assert (entry.source, entry.message, entry.topic) == ("one-click", mail.uuid, mail.mailing.topic)
    mail.refresh_from_db()
    assert mail.unsubscribed_at is not None


def test_one_click_five_times_leaves_once(page, stranger):
    answers = [stranger.post(page, ONE_CLICK, content_type="application/x-www-form-urlencoded") for _ in range(5)]
    assert {response.status_code for response in answers} == {200}
    assert ConsentEntry.objects.count() == 1
    assert Outcome.objects.filter(kind="unsubscribed").count() == 1


def test_one_click_leaves_the_topic_and_nothing_else(mail, page, stranger):
    make_subscription(mail.subscriber, make_topic("garden"))
    stranger.post(page)
    assert (state("winter"), state("garden")) == ("unsubscribed", "subscribed")
    assert not Suppression.objects.exists()


def test_one_click_for_an_erased_person_is_answered_and_stores_nothing(mail, page, stranger):
    Subscriber.objects.update(erased_at=NOW, email=None)
    assert stranger.post(page).status_code == 200
    assert stranger.get(page).status_code == 200
    assert not ConsentEntry.objects.exists()
    assert not Outcome.objects.exists()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_at_the_page_changes_nothing(page, stranger, method):
    for query in ("", "?scope=all", "?List-Unsubscribe=One-Click"):
        assert stranger.generic(method, page + query).status_code == 200
    assert state() == "subscribed"
    assert not ConsentEntry.objects.exists()
    assert not Outcome.objects.exists()


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods_are_refused(page, stranger, method):
    assert stranger.generic(method, page).status_code == 405
    assert state() == "subscribed"


def test_the_page_names_the_topic_and_masks_the_address(mail, page, stranger):
    make_subscription(mail.subscriber, make_topic("garden", name="Gardening in secret"))
    text = stranger.get(page).content.decode()
    assert "a…@post.example" in text
    assert "Winter and gifts" in text
    assert "Alder &amp; Wren" in text
    for secret in ("ann.whitaker", "Ann", "Whitaker", "Gardening in secret", str(mail.uuid), str(mail.subscriber.uuid)):
        assert secret not in text


def test_the_page_can_stop_everything(mail, page, stranger):
    response = stranger.post(page, {"scope": "all"})
    assert "You get no more letters" in response.content.decode()
    assert Suppression.objects.get().address_key == mail.subscriber.address_key
    assert ConsentEntry.objects.latest("pk").source == "unsubscribe page"


def test_leaving_by_the_page_can_be_undone_for_an_hour(page, stranger):
    with time_machine.travel(NOW, tick=False):
        assert "Undo" in stranger.post(page, {"scope": "topic"}).content.decode()
        assert state() == "unsubscribed"
    with time_machine.travel(NOW + dt.timedelta(minutes=50), tick=False):
        assert "It is as it was" in stranger.post(page, {"scope": "undo"}).content.decode()
    assert state() == "subscribed"


def test_stopping_everything_can_be_undone(mail, page, stranger):
    stranger.post(page, {"scope": "all"})
    stranger.post(page, {"scope": "undo"})
    assert not Suppression.objects.in_force(NOW).exists()
    assert state() == "subscribed"


def test_a_forwarded_mail_cannot_bring_somebody_back_later(page, stranger):
    with time_machine.travel(NOW, tick=False):
        stranger.post(page, {"scope": "topic"})
    with time_machine.travel(NOW + dt.timedelta(hours=2), tick=False):
        assert "Too late" in stranger.post(page, {"scope": "undo"}).content.decode()
    assert state() == "unsubscribed"


def test_undo_brings_nobody_back_who_left_by_other_ways(mail, page, stranger):
    Subscription.objects.update(state="unsubscribed")
    assert "Too late" in stranger.post(page, {"scope": "undo"}).content.decode()
    assert state() == "unsubscribed"


def test_public_pages_set_no_cookie_and_tell_nobody(mail, page, stranger):
    for path in (page, address(mail, Purpose.OPEN), address(mail, Purpose.CLICK, 1), "/t/u/nonsense"):
        response = stranger.get(path)
        assert not response.cookies
        assert response["Referrer-Policy"] == "no-referrer"
        assert response["Cache-Control"] == "no-store"
        assert "script-src" not in response["Content-Security-Policy"]
        assert "default-src 'none'" in response["Content-Security-Policy"]
        assert "Cookie" not in response.get("Vary", "")
        assert b"<script" not in response.content
        assert b"http://" not in response.content
        assert b"https://" not in response.content
