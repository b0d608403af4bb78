"""Following a link: the reader arrives, wherever the token leads and nowhere else."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
import time_machine
from django.db import DatabaseError
from django.test import Client

from campaigns.delivery.models import Outcome
from campaigns.tracking import looks, services, timeline
from campaigns.tracking.models import Hit, Verdict
from personalize.core import registries
from personalize.core.registries import Span
from personalize.core.retention import days_of
from personalize.core.tokens import Purpose, seal
from segments.subscribers.models import Subscriber, Tracking
from tests.factories import NOW, make_subscriber
from tests.tracking.world import HANDED, PHONE, address, make_mail

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader() -> Client:
    return Client(headers={"User-Agent": PHONE}, REMOTE_ADDR="203.0.113.77")


def settle(at: dt.datetime) -> None:
    with time_machine.travel(at + dt.timedelta(seconds=11), tick=False):
        looks.settle()


def test_a_click_leads_to_the_stored_target_and_is_a_persons_once_settled(mail, reader):
    with time_machine.travel(NOW, tick=False):
        response = reader.get(address(mail, Purpose.CLICK, 2))
    assert (response.status_code, response["Location"]) == (302, "https://alderandwren.example/mug")
    assert Hit.objects.get().verdict == Verdict.UNKNOWN
    settle(NOW)
    hit = Hit.objects.get()
    assert (hit.verdict, hit.link_id, hit.ip_prefix, hit.agent) == (
        Verdict.HUMAN,
        mail.mailing.links.get(number=2).pk,
        "203.0.113.0/24",
        "Safari on iPhone",
    )
    mail.refresh_from_db()
    assert mail.clicked_at == NOW


def test_clicking_one_link_twice_is_two_hits_and_one_outcome(mail, reader):
    with time_machine.travel(NOW, tick=False):
        reader.get(address(mail, Purpose.CLICK, 2))
        reader.get(address(mail, Purpose.CLICK, 2))
        reader.get(address(mail, Purpose.CLICK, 3))
    settle(NOW)
    assert Hit.objects.by_people().count() == 3
    assert sorted(Outcome.objects.filter(kind="clicked").values_list("details__link", flat=True)) == [2, 3]


def test_settling_twice_judges_once(mail, reader):
    with time_machine.travel(NOW, tick=False):
        reader.get(address(mail, Purpose.CLICK, 1))
    assert services.settle_clicks(now=NOW + dt.timedelta(seconds=11)) == 1
    assert services.settle_clicks(now=NOW + dt.timedelta(seconds=11)) == 0


def test_a_click_costs_few_queries_and_a_forged_one_none(mail, reader, django_assert_max_num_queries):
    good = address(mail, Purpose.CLICK, 2)
    with django_assert_max_num_queries(5):
        reader.get(good)
    with django_assert_max_num_queries(0):
        reader.get(good[:30] + ("A" if good[30] != "A" else "B") + good[31:])


@pytest.mark.parametrize("kind", ["o", "c", "u"])
def test_every_bad_token_finds_the_same_page(mail, reader, kind):
    purpose = {"o": Purpose.OPEN, "c": Purpose.CLICK, "u": Purpose.UNSUBSCRIBE}[kind]
    foreign = {"o": Purpose.CLICK, "c": Purpose.OPEN, "u": Purpose.VIEW}[kind]
    good = seal(purpose, mail.uuid, issued_at=HANDED, link=2)
    bad = {
        "altered": good[:20] + ("A" if good[20] != "A" else "B") + good[21:],
        "cut": good[:-5],
        "meant for something else": seal(foreign, mail.uuid, issued_at=HANDED, link=2),
        "of a mail that is not there": seal(purpose, uuid.uuid4(), issued_at=HANDED, link=2),
        "nonsense": "nonsense",
        "a path": "../../admin/",
        "not ASCII": "ünïcode",
    }
    answers = {}
    for name, token in bad.items():
        response = reader.get(f"/t/{kind}/{token}" + (".gif" if kind == "o" else ""))
        answers[name] = (response.status_code, response.content, dict(response.headers))
    assert {status for status, _, _ in answers.values()} == {404}
    assert len({content for _, content, _ in answers.values()}) == 1
    assert all(headers == next(iter(answers.values()))[2] for _, _, headers in answers.values())
    assert not Hit.objects.exists()


def test_the_number_of_a_link_the_mail_does_not_have_leads_nowhere(mail, reader):
    assert reader.get(address(mail, Purpose.CLICK, 9)).status_code == 404


def test_no_parameter_changes_where_a_click_leads(mail, reader):
    path = address(mail, Purpose.CLICK, 1)
    for query in ("?url=https://evil.example", "?next=//evil.example", "?u=https:evil.example&link=3"):
        assert reader.get(path + query)["Location"] == "https://alderandwren.example/tables"
    assert reader.get(path + "/https://evil.example").status_code == 404


def test_a_head_request_is_answered_and_counts_as_a_machine(mail, reader):
    response = reader.head(address(mail, Purpose.CLICK, 1))
    assert response.status_code == 302
    settle(dt.datetime.now(dt.UTC))
    hit = Hit.objects.get()
    assert (hit.method, hit.verdict, hit.reasons) == ("HEAD", Verdict.MACHINE, ["head"])
    assert not Outcome.objects.exists()


def test_a_link_cannot_be_posted_to(mail, reader):
    assert reader.post(address(mail, Purpose.CLICK, 1)).status_code == 405
    assert not Hit.objects.exists()


def test_a_scanner_that_follows_every_link_at_once_is_no_click(mail, reader):
    mail.handed_at = NOW - dt.timedelta(seconds=20)
    mail.save()
    for number in range(1, 6):
        with time_machine.travel(NOW + dt.timedelta(seconds=number), tick=False):
            assert reader.get(address(mail, Purpose.CLICK, number)).status_code == 302
    settle(NOW + dt.timedelta(seconds=5))
    assert set(Hit.objects.values_list("verdict", flat=True)) == {Verdict.MACHINE}
    assert not Outcome.objects.exists()
    mail.refresh_from_db()
    assert mail.clicked_at is None


def test_a_person_clicking_after_the_scanner_still_counts(mail, reader):
    mail.handed_at = NOW - dt.timedelta(seconds=20)
    mail.save()
    scanner = Client(headers={"User-Agent": PHONE}, REMOTE_ADDR="198.51.100.9")
    with time_machine.travel(NOW, tick=False):
        for number in range(1, 6):
            scanner.get(address(mail, Purpose.CLICK, number))
        reader.get(address(mail, Purpose.CLICK, 4))
    settle(NOW)
    assert Hit.objects.by_machines().count() == 5
    assert list(Outcome.objects.filter(kind="clicked").values_list("details__link", flat=True)) == [4]


def test_who_refused_tracking_or_was_erased_arrives_and_leaves_no_trace(mail, reader):
    Subscriber.objects.update(tracking=Tracking.DENIED)
    assert reader.get(address(mail, Purpose.CLICK, 1)).status_code == 302
    Subscriber.objects.update(tracking=Tracking.GRANTED, erased_at=NOW, email=None)
    assert reader.get(address(mail, Purpose.CLICK, 1)).status_code == 302
    assert not Hit.objects.exists()


def test_a_reader_arrives_even_when_the_hit_cannot_be_kept(mail, reader, monkeypatch, caplog):
    def broken(**_):
        raise DatabaseError("disk full")

    monkeypatch.setattr(Hit.objects, "create", broken)
    assert reader.get(address(mail, Purpose.CLICK, 1))["Location"] == "https://alderandwren.example/tables"
    assert "was not kept" in caplog.text


def test_after_thirty_days_the_verdict_is_all_that_is_left(mail, reader):
    with time_machine.travel(NOW, tick=False):
        reader.get(address(mail, Purpose.CLICK, 1))
    settle(NOW)
    origins = registries.retention.get("hit_origins")
    days = dt.timedelta(days=days_of(origins))
    origins.prune(NOW + dt.timedelta(days=29) - days)
    assert Hit.objects.get().ip_prefix == "203.0.113.0/24"
    origins.prune(NOW + dt.timedelta(days=31) - days)
    hit = Hit.objects.get()
    assert (hit.ip_prefix, hit.agent, hit.verdict) == ("", "", Verdict.HUMAN)


def test_behind_a_proxy_only_its_own_word_on_the_address_is_taken(mail, settings):
    settings.BEHIND_PROXY = True
    Client(headers={"X-Forwarded-For": "6.6.6.6, 2001:db8:7:9::1"}).get(address(mail, Purpose.CLICK, 1))
    assert Hit.objects.get().ip_prefix == "2001:db8:7::/48"


def test_clicks_stand_in_the_timeline_with_who_made_them(mail, reader):
    with time_machine.travel(NOW, tick=False):
        reader.get(address(mail, Purpose.CLICK, 2))
        reader.head(address(mail, Purpose.CLICK, 3))
    settle(NOW)
    make_mail(make_subscriber(), mailing=mail.mailing)
    told = {entry.text: str(entry.detail) for entry in timeline.entries(mail.subscriber, 10, Span())}
    assert told == {
        "‘See mug’ in ‘Longer evenings’": "A person",
        "‘See lantern’ in ‘Longer evenings’": "A machine: asked for the headers only",
    }
    assert timeline.count(mail.subscriber) == 2
