"""Open pixels: shown to whoever asks, and told apart by who that is."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.test import Client

from campaigns.tracking.models import Hit, Verdict
from personalize.core.tokens import Purpose
from tests.factories import NOW
from tests.tracking.world import PHONE, address

pytestmark = pytest.mark.django_db

GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"


def fetch(mail, agent: str = PHONE, at: dt.datetime = NOW, method: str = "GET", **headers: str) -> Hit:
    with time_machine.travel(at, tick=False):
        response = Client().generic(method, address(mail, Purpose.OPEN), headers={"User-Agent": agent, **headers})
    assert response.status_code == 200
    assert response["Content-Type"] == "image/gif"
    return Hit.objects.latest("pk")


def test_a_mail_program_of_a_person_opens_the_mail_once(mail):
    assert fetch(mail).verdict == Verdict.HUMAN
    fetch(mail, at=NOW + dt.timedelta(days=1))
    mail.refresh_from_db()
    assert mail.opened_at == NOW
    assert mail.outcomes.filter(kind="opened").count() == 1


def test_a_google_image_store_may_be_anybody(mail):
    hit = fetch(mail, GMAIL)
    assert (hit.verdict, hit.reasons, hit.agent) == (Verdict.UNKNOWN, ["image_proxy"], "Google image proxy")
    mail.refresh_from_db()
    assert mail.opened_at == NOW


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"agent": "Mozilla/5.0"}, "apple_proxy"),
        ({"agent": "Barracuda Sentinel (EE)"}, "robot"),
        ({"agent": "python-requests/2.32"}, "robot"),
        ({"method": "HEAD"}, "head"),
        ({"Sec-Purpose": "prefetch;prerender"}, "prefetch"),
        ({"at": NOW - dt.timedelta(hours=2)}, "early"),
    ],
)
def test_what_loads_by_itself_is_a_machine_and_opens_nothing(mail, asked, reason):
    hit = fetch(mail, **asked)
    assert (hit.verdict, hit.reasons) == (Verdict.MACHINE, [reason])
    mail.refresh_from_db()
    assert mail.opened_at is None
