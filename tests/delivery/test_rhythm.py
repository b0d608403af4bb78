"""One mail a week for whoever asked for it, however many campaigns and senders there are."""

from __future__ import annotations

import datetime as dt
import threading
import uuid

import pytest
from django.db import connection

from campaigns.delivery import ledger, policies
from campaigns.delivery.audience import materialise
from campaigns.delivery.ledger import Result
from campaigns.delivery.models import FrequencyCount, Mailing, Message
from campaigns.delivery.services import begin_run
from campaigns.delivery.timeline import entries
from campaigns.delivery.types import MessageState, SkipReason
from personalize.core import clock
from personalize.core.registries import Span
from segments.consent.models import Subscription
from segments.subscribers.models import Rhythm, Subscriber
from tests.factories import make_follower, make_mailing, make_topic

pytestmark = pytest.mark.django_db
MONDAY = dt.datetime(2026, 11, 16, 9, 0, tzinfo=dt.UTC)


@pytest.fixture(params=[0, 3], ids=["no cap", "cap of three"])
def cap(request, settings):
    settings.DELIVERY_DAILY_CAP = request.param
    return request.param


@pytest.fixture
def topic(brand):
    return make_topic()


@pytest.fixture
def on(monkeypatch):
    """Sets the day that the counters see."""

    def setter(days: float) -> None:
        monkeypatch.setattr(policies, "now", lambda: MONDAY + dt.timedelta(days=days))

    setter(0)
    return setter


def hand_over_one(topic, end=MessageState.SENT) -> list[tuple[MessageState, str]]:
    """A new mailing to everybody there is, handed over and answered; gives the state and reason of each message."""
    mailing = make_mailing(topic)
    draw(mailing)
    hand_over_all(mailing, end)
    return [
        (MessageState(state), reason)
        for state, reason in Message.objects.filter(mailing=mailing).order_by("pk").values_list("state", "reason")
    ]


def draw(mailing: Mailing) -> None:
    run = begin_run(owner_kind="test", owner=mailing.owner, as_of=clock.now())
    materialise(run=run, people=Subscriber.objects.all(), mailing=mailing, due_at=clock.now())


def hand_over_all(mailing: Mailing, end=MessageState.SENT) -> set[int]:
    token, ids = ledger.claim(mailing, uuid.uuid4(), 500)
    handed = ledger.hand_over(mailing, token, ids, [])
    reason = "rejected" if end == MessageState.FAILED else ""
    ledger.finish(token, [Result(pk, end, reason=reason) for pk in handed])
    return handed


SENT = [(MessageState.SENT, "")]
HELD_BACK = [(MessageState.SKIPPED, SkipReason.RHYTHM)]


def test_one_mail_in_any_seven_days(topic, cap, on):
    make_follower(topic, rhythm=Rhythm.WEEKLY)
    assert hand_over_one(topic) == SENT
    for day in (0, 1, 6):
        on(day)
        assert hand_over_one(topic) == HELD_BACK
    on(7)
    assert hand_over_one(topic) == SENT
    on(13)
    assert hand_over_one(topic) == HELD_BACK


def test_others_get_what_they_always_got(topic, cap, on):
    make_follower(topic)
    assert [hand_over_one(topic) for _ in range(2)] == [SENT, SENT]


def test_a_mail_that_failed_takes_nobody_s_week(topic, cap, on):
    make_follower(topic, rhythm=Rhythm.WEEKLY)
    assert hand_over_one(topic, MessageState.FAILED) == [(MessageState.FAILED, "rejected")]
    on(1)
    assert hand_over_one(topic) == SENT


def test_a_mail_in_doubt_keeps_its_week(topic, cap, on):
    make_follower(topic, rhythm=Rhythm.WEEKLY)
    hand_over_one(topic, MessageState.IN_DOUBT)
    on(3)
    assert hand_over_one(topic) == HELD_BACK


@pytest.mark.parametrize("days", [0, 1, 6])
def test_a_retry_is_not_held_back_by_its_own_place_and_holds_no_second_one(topic, cap, on, days):
    ann = make_follower(topic, rhythm=Rhythm.WEEKLY)
    mailing = make_mailing(topic)
    draw(mailing)
    hand_over_all(mailing, MessageState.READY)
    on(days)
    assert len(hand_over_all(mailing)) == 1
    assert sum(FrequencyCount.objects.filter(subscriber=ann).values_list("count", flat=True)) == 1


def test_two_messages_of_one_window_are_one_mail(topic, cap, on):
    ann = make_follower(topic, rhythm=Rhythm.WEEKLY)
    mailing = make_mailing(topic)
    for key in ("a", "b"):
        Message.objects.create(
            uuid=uuid.uuid4(),
            mailing=mailing,
            subscriber=ann,
            address_key=ann.address_key,
            dedupe_key=key,
            due_at=clock.now(),
            created_at=clock.now(),
        )
    assert len(hand_over_all(mailing)) == 1
    assert Message.objects.filter(reason=SkipReason.RHYTHM).count() == 1


def test_a_full_day_is_told_apart_from_a_week_that_is_taken(topic, settings, on):
    settings.DELIVERY_DAILY_CAP = 1
    make_follower(topic, "a@post.example", rhythm=Rhythm.WEEKLY)
    make_follower(topic, "b@post.example")
    hand_over_one(topic)
    assert [reason for _, reason in hand_over_one(topic)] == [SkipReason.RHYTHM, SkipReason.CAPPED]


def test_the_timeline_says_why_nothing_came(topic, cap, on):
    ann = make_follower(topic, rhythm=Rhythm.WEEKLY)
    hand_over_one(topic)
    hand_over_one(topic)
    assert "Wants one mail a week at most, and had it" in [entry.detail for entry in entries(ann, 5, Span())]


def test_a_pause_taken_after_the_drawing_is_honoured_at_the_hand_over(topic, cap):
    make_follower(topic)
    mailing = make_mailing(topic)
    draw(mailing)
    Subscription.objects.update(paused_until=clock.now() + dt.timedelta(days=30))
    token, ids = ledger.claim(mailing, uuid.uuid4(), 500)
    assert ledger.hand_over(mailing, token, ids, []) == set()
    ledger.explain(mailing, token, ids)
    assert Message.objects.get().reason == SkipReason.PAUSED


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("midnight", [False, True], ids=["on one day", "around midnight"])
def test_two_senders_at_once_give_a_person_one_mail(topic, cap, midnight, monkeypatch):
    """Each thread hands over its own campaign; neither commits before the other has begun to count."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    people = [make_follower(topic, rhythm=Rhythm.WEEKLY) for _ in range(12)]
    mailings = [make_mailing(topic), make_mailing(topic)]
    for mailing in mailings:
        draw(mailing)
    days = {mailings[0].pk: MONDAY.date(), mailings[1].pk: MONDAY.date() + dt.timedelta(days=midnight)}
    of_thread = threading.local()
    monkeypatch.setattr(policies, "today", lambda: days[of_thread.mailing])
    start = threading.Barrier(2)
    handed: dict[int, set[int]] = {}

    def send(mailing: Mailing) -> None:
        of_thread.mailing = mailing.pk
        token, ids = ledger.claim(mailing, uuid.uuid4(), 500)
        start.wait(10)
        handed[mailing.pk] = ledger.hand_over(mailing, token, ids, [])
        connection.close()

    threads = [threading.Thread(target=send, args=(mailing,)) for mailing in mailings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sum(len(ids) for ids in handed.values()) == len(people)
    assert Message.objects.filter(reason=SkipReason.RHYTHM).count() == len(people)
