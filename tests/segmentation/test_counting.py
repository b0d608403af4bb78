"""Counting with a limit of time: the number itself where it comes in time, else about how many."""

from __future__ import annotations

import time

import pytest
from django.db import connection

from personalize.core.database import OutOfTime, is_postgres, time_limit
from segments.segmentation import counting
from segments.segmentation.counting import count_within, tell
from segments.segmentation.rules.parse import parse
from segments.subscribers.models import Subscriber
from tests.factories import NOW, make_subscriber

pytestmark = pytest.mark.django_db
BRITISH = {"attr": "country", "op": "is", "value": "GB"}


def long_statement() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_sleep(20)"
            if is_postgres()
            else "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000000) SELECT count(*) FROM n"
        )


def test_what_comes_in_time_is_exact() -> None:
    for country in ("GB", "GB", "IE"):
        make_subscriber(country=country)
    found = count_within(node=parse(BRITISH), as_of=NOW, seconds=5)
    assert (found.people, found.exact) == (2, True)


def test_what_does_not_come_in_time_is_told_from_a_sample_of_people(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(60):
        make_subscriber(country="GB" if number % 3 else "IE")
    Subscriber.objects.filter(pk=Subscriber.objects.latest("pk").pk - 1).delete()
    monkeypatch.setattr(counting, "SAMPLES", (1_000, 30))
    assert tell(node=parse(BRITISH), as_of=NOW, seconds=5).people == Subscriber.objects.filter(country="GB").count()
    monkeypatch.setattr(counting, "SAMPLES", (30,))
    assert 20 <= tell(node=parse(BRITISH), as_of=NOW, seconds=5).people <= 60


def test_nobody_is_told_from_nobody() -> None:
    assert tell(node=parse(BRITISH), as_of=NOW, seconds=5).people == 0


def test_a_statement_is_cut_off_and_the_transaction_around_it_lives_on() -> None:
    person = make_subscriber()
    began = time.monotonic()
    with pytest.raises(OutOfTime), time_limit(0.1):
        long_statement()
    assert time.monotonic() - began < 5
    assert Subscriber.objects.filter(pk=person.pk).exists()


def test_the_limit_is_gone_afterwards() -> None:
    with time_limit(0.05):
        Subscriber.objects.count()
    with connection.cursor() as cursor:
        if is_postgres():
            cursor.execute("SHOW statement_timeout")
            assert cursor.fetchone() == ("0",)
        else:
            cursor.execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000) SELECT count(*) FROM n"
            )
            assert cursor.fetchone() == (1_000_000,)
