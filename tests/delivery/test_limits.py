"""Frequency rules: nobody gets more than a rule allows, whoever asks first, and the more important mail goes first."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.db.utils import IntegrityError

from campaigns.delivery import ledger, limits, policies
from campaigns.delivery.ledger import Result
from campaigns.delivery.limits import frees, winners
from campaigns.delivery.models import FrequencyCount, FrequencyRule, Mailing, Message
from campaigns.delivery.timeline import entries
from campaigns.delivery.types import MailingKind, MessageState, SkipReason
from personalize.core.clock import now
from personalize.core.registries import Span
from segments.subscribers.models import Rhythm, Subscriber
from tests.delivery.conftest import look_on
from tests.factories import make_follower, make_mailing, make_topic

pytestmark = pytest.mark.django_db

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
CLAIMED, READY, SENDING, SENT, SKIPPED = (
    MessageState[name] for name in ("CLAIMED", "READY", "SENDING", "SENT", "SKIPPED")
)
LONDON, NEW_YORK = ZoneInfo("Europe/London"), ZoneInfo("America/New_York")


@pytest.fixture(autouse=True)
def no_daily_cap(settings):
    settings.DELIVERY_DAILY_CAP = 0


@pytest.fixture
def topic(brand):
    return make_topic()


@pytest.fixture
def ann(topic):
    return make_follower(topic, "ann@post.example", first_name="Ann", last_name="Whitaker", time_zone="Europe/London")


def make_rule(most: int = 1, count: int = 7, unit: str = "day", **fields) -> FrequencyRule:
    return FrequencyRule.objects.create(
        **{
            "name": uuid.uuid4().hex,
            "most": most,
            "count": count,
            "unit": unit,
            "window": "rolling",
            "created_at": now(),
            **fields,
        }
    )


def write(mailing: Mailing, person: Subscriber, **fields) -> Message:
    return Message.objects.create(
        uuid=uuid.uuid4(),
        mailing=mailing,
        subscriber=person,
        address_key=person.address_key,
        dedupe_key=uuid.uuid4().hex,
        **{"due_at": now(), "created_at": now(), **fields},
    )


def got(person: Subscriber, mailing: Mailing, ago: dt.timedelta = HOUR, state: MessageState = SENT) -> Message:
    """A mail that the person got some time ago."""
    at = now() - ago
    return write(mailing, person, state=state, due_at=None, handed_at=at, created_at=at)


def hand_over(mailing: Mailing, end: MessageState | None = None) -> set[int]:
    token, ids = ledger.claim(mailing, uuid.uuid4(), 500)
    handed = ledger.hand_over(mailing, token, ids, [])
    ledger.explain(mailing, token, [pk for pk in ids if pk not in handed])
    if end is not None:
        ledger.finish(
            token, [Result(pk, end, reason="rejected" if end == MessageState.FAILED else "") for pk in handed]
        )
    return handed


def ask(mailing: Mailing, person: Subscriber, **fields) -> Message:
    """One more mail to the person, through the hand-over; as it stands then."""
    message = write(mailing, person, **fields)
    hand_over(mailing)
    message.refresh_from_db()
    return message


def trace(message: Message) -> dict[str, Any]:
    return message.trace or {}


@pytest.mark.parametrize(
    ("unit", "count", "span"),
    [("hour", 5, 5 * HOUR), ("day", 3, 3 * DAY), ("week", 2, 14 * DAY), ("month", 1, 30 * DAY)],
)
def test_a_rolling_rule_counts_back_from_the_hand_over(topic, ann, unit, count, span):
    make_rule(most=2, count=count, unit=unit)
    earlier, mailing = make_mailing(topic), make_mailing(topic)
    got(ann, earlier, span + HOUR)
    got(ann, earlier, span - HOUR)
    assert ask(mailing, ann).state == SENDING
    full = ask(mailing, ann)
    assert (full.state, full.reason, full.handed_at) == (SKIPPED, SkipReason.CAPPED, None)


@pytest.mark.parametrize(
    ("unit", "left_at", "frees_at", "clock"),
    [
        ("day", "2026-11-19T23:30Z", "2026-11-20T00:00Z", LONDON),
        ("day", "2026-11-19T23:30Z", "2026-11-20T05:00Z", NEW_YORK),
        ("day", "2026-03-28T12:00Z", "2026-03-29T00:00Z", LONDON),
        ("day", "2026-03-29T12:00Z", "2026-03-29T23:00Z", LONDON),
        ("week", "2026-11-19T12:00Z", "2026-11-23T00:00Z", LONDON),
        ("week", "2026-11-23T00:00Z", "2026-11-30T00:00Z", LONDON),
        ("week", "2026-11-23T00:00Z", "2026-11-23T05:00Z", NEW_YORK),
        ("month", "2026-12-31T12:00Z", "2027-01-01T00:00Z", LONDON),
        ("month", "2028-02-29T12:00Z", "2028-03-01T05:00Z", NEW_YORK),
        ("month", "2026-10-31T23:59Z", "2026-11-01T04:00Z", NEW_YORK),
    ],
)
def test_a_calendar_rule_counts_the_person_s_own_days_weeks_and_months(unit, left_at, frees_at, clock):
    rule = FrequencyRule(most=1, window="calendar", unit=unit)
    assert frees(rule, dt.datetime.fromisoformat(left_at), clock) == dt.datetime.fromisoformat(frees_at)


def test_two_people_begin_their_day_when_it_begins_for_them(topic, monkeypatch):
    """At 23:30 in London it was another day in Tokyo than at 14:30 there, and the same day in London."""
    at = dt.datetime(2026, 11, 19, 23, 30, tzinfo=dt.UTC)
    monkeypatch.setattr(limits, "now", lambda: at)
    make_rule(window="calendar", count=1)
    mailing = make_mailing(topic)
    for name, expected in (("Europe/London", SKIPPED), ("Asia/Tokyo", SENDING)):
        person = make_follower(topic, time_zone=name)
        message = got(person, mailing)
        Message.objects.filter(pk=message.pk).update(handed_at=at - 9 * HOUR)
        assert ask(mailing, person).state == expected, name


def test_a_rule_about_a_topic_counts_and_holds_back_that_topic_alone(topic, ann):
    other = make_topic("garden")
    ann.subscriptions.create(topic=other, state="subscribed", changed_at=now())
    make_rule(topic=topic)
    mailing, elsewhere = make_mailing(topic), make_mailing(other)
    got(ann, elsewhere)
    assert ask(mailing, ann).state == SENDING
    assert ask(elsewhere, ann).state == SENDING
    assert ask(mailing, ann).state == SKIPPED


def test_a_rule_about_an_automation_counts_the_mails_of_all_its_steps(topic, ann):
    group = uuid.uuid4()
    make_rule(owner=group)
    first, second, other = (make_mailing(topic, group=one) for one in (group, group, uuid.uuid4()))
    assert ask(other, ann).state == SENDING
    assert ask(first, ann).state == SENDING
    assert ask(second, ann).state == SKIPPED
    assert ask(other, ann).state == SENDING


@pytest.mark.parametrize(
    ("state", "counted"),
    [(SENDING, True), (SENT, True), (MessageState.IN_DOUBT, True), (MessageState.FAILED, False), (SKIPPED, False)],
)
def test_only_what_may_have_reached_the_person_holds_a_place(topic, ann, state, counted):
    make_rule()
    message = got(ann, make_mailing(topic))
    Message.objects.filter(pk=message.pk).update(state=state, reason="capped" if state == SKIPPED else "")
    assert (ask(make_mailing(topic), ann).state == SKIPPED) is counted


def test_a_retry_takes_no_second_place_and_a_failure_gives_it_back(topic, ann):
    make_rule()
    mailing = make_mailing(topic)
    message = write(mailing, ann)
    assert hand_over(mailing, READY) == {message.pk}
    assert hand_over(mailing, MessageState.FAILED) == {message.pk}
    assert ask(make_mailing(topic), ann).state == SENDING


def test_service_mails_are_neither_limited_nor_counted(topic, ann):
    make_rule()
    service = make_mailing(topic, kind=MailingKind.SERVICE)
    assert [ask(service, ann).state for _ in range(2)] == [SENDING] * 2
    marketing = make_mailing(topic)
    assert ask(marketing, ann).state == SENDING
    assert ask(service, ann).state == SENDING


def test_at_most_none_means_that_nothing_goes_out(topic, ann):
    make_rule(most=0, otherwise="defer")
    message = ask(make_mailing(topic), ann)
    assert (message.state, message.reason) == (SKIPPED, SkipReason.CAPPED)


def test_a_rule_that_is_switched_off_holds_nothing_back(topic, ann):
    make_rule(most=0, enabled=False)
    assert ask(make_mailing(topic), ann).state == SENDING


def test_two_mails_of_one_window_are_two_mails(topic, ann):
    make_rule()
    mailing = make_mailing(topic)
    messages = [write(mailing, ann) for _ in range(2)]
    assert hand_over(mailing) == {messages[0].pk}


def test_a_mail_that_may_wait_does_until_the_oldest_place_it_needs_is_free(topic, ann):
    make_rule(most=2, count=3, otherwise="defer", wait_hours=48)
    mailing = make_mailing(topic)
    for ago in (10 * HOUR, 30 * HOUR, 50 * HOUR):
        got(ann, mailing, ago)
    message = ask(mailing, ann)
    assert (message.state, message.reason, message.token, message.handed_at) == (READY, "", None, None)
    assert abs(message.due_at - (now() + 42 * HOUR)) < dt.timedelta(minutes=1)


def test_it_does_not_wait_for_a_place_that_comes_free_after_its_patience_or_its_time(topic, ann):
    make_rule(count=3, otherwise="defer", wait_hours=48, name="Three days")
    mailing = make_mailing(topic)
    got(ann, mailing, DAY)
    patient = ask(mailing, ann)
    tired = ask(mailing, ann, created_at=now() - HOUR)
    late = ask(mailing, ann, expires_at=now() + DAY)
    assert [one.state for one in (patient, tired, late)] == [READY, SKIPPED, SKIPPED]
    assert tired.reason == late.reason == SkipReason.CAPPED


def test_of_two_full_rules_the_one_that_skips_decides_and_of_two_that_wait_the_longer(topic, ann):
    make_rule(count=1, otherwise="defer", wait_hours=99)
    longer = make_rule(count=2, otherwise="defer", wait_hours=99)
    mailing = make_mailing(topic)
    got(ann, mailing)
    waiting = ask(mailing, ann)
    assert abs(waiting.due_at - (now() + 47 * HOUR)) < dt.timedelta(minutes=1)
    assert trace(waiting)["rule"] == longer.pk
    skipping = make_rule(count=1)
    assert trace(ask(mailing, ann))["rule"] == skipping.pk


def test_who_is_turned_away_by_a_rule_takes_no_place_of_the_day_and_gives_an_older_one_back(topic, ann, settings):
    settings.DELIVERY_DAILY_CAP = 3
    mailing = make_mailing(topic)
    retried = write(mailing, ann)
    hand_over(mailing, READY)
    make_rule(most=0)
    assert hand_over(mailing) == set()
    retried.refresh_from_db()
    assert (retried.state, retried.cap_day) == (SKIPPED, None)
    assert sum(FrequencyCount.objects.values_list("count", flat=True)) == 0


def test_the_weekly_rhythm_holds_under_a_wider_rule(topic):
    make_rule(most=5)
    weekly = make_follower(topic, rhythm=Rhythm.WEEKLY)
    mailing = make_mailing(topic)
    assert ask(mailing, weekly).state == SENDING
    assert ask(mailing, weekly).reason == SkipReason.RHYTHM


def test_the_more_important_mail_gets_the_last_place_though_it_comes_second(topic, ann):
    make_rule(name="One a week")
    low, high = make_mailing(topic, priority=20), make_mailing(topic, priority=80, name="Your cart")
    winner = write(high, ann, due_at=now() + dt.timedelta(minutes=20))
    yielding = ask(low, ann)
    assert (yielding.state, trace(yielding)["yielded_to"]) == (READY, str(high.uuid))
    assert abs(yielding.due_at - (now() + dt.timedelta(minutes=30))) < dt.timedelta(minutes=1)

    Message.objects.update(due_at=now())
    assert hand_over(high) == {winner.pk}
    assert hand_over(low) == set()
    yielding.refresh_from_db()
    assert (yielding.state, yielding.reason) == (SKIPPED, SkipReason.CAPPED)
    assert trace(yielding)["capped_by"] == [str(high.uuid)]
    assert winners(low) == [("Your cart", 1)]


def test_it_gives_way_once_and_then_takes_the_place_that_nobody_took(topic, ann):
    make_rule()
    low, high = make_mailing(topic, priority=20), make_mailing(topic, priority=80)
    write(high, ann, due_at=now() + dt.timedelta(minutes=20))
    yielding = ask(low, ann)
    Message.objects.filter(pk=yielding.pk).update(due_at=now())
    assert hand_over(low) == {yielding.pk}


@pytest.mark.parametrize(
    ("why", "rival", "fields"),
    [
        ("no more important", {"priority": 20}, {}),
        ("comes later", {"priority": 80}, {"due_at": now() + dt.timedelta(days=1)}),
        ("is held", {"priority": 80, "gate": 1}, {}),
        ("is too late itself", {"priority": 80}, {"expires_at": now() - HOUR}),
        ("is a service mail", {"priority": 80, "kind": MailingKind.SERVICE}, {}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_nothing_gives_way_to_a_mail_that(topic, ann, why, rival, fields):
    make_rule()
    write(make_mailing(topic, **rival), ann, **fields)
    assert ask(make_mailing(topic, priority=20), ann).state == SENDING


def test_nothing_gives_way_while_there_is_a_place_for_each(topic, ann):
    make_rule(most=2)
    write(make_mailing(topic, priority=80), ann)
    assert ask(make_mailing(topic, priority=20), ann).state == SENDING


def test_a_mail_that_cannot_wait_for_the_decision_is_left_out(topic, ann):
    make_rule()
    high = make_mailing(topic, priority=80)
    write(high, ann)
    message = ask(make_mailing(topic, priority=20), ann, expires_at=now() + dt.timedelta(minutes=10))
    assert (message.state, message.reason, trace(message)["capped_by"]) == (SKIPPED, "capped", [str(high.uuid)])


def test_what_is_due_at_once_goes_by_importance(mailing, server):
    make_rule()
    follower = make_follower(mailing.topic, "ann@post.example")
    second = make_mailing(mailing.topic, version=mailing.version, priority=80, name="The important one")
    write(mailing, follower)
    write(second, follower)
    look_on()
    states = dict(Message.objects.values_list("mailing__name", "state"))
    assert states == {"The important one": SENT, "Winter tables": SKIPPED}


def test_the_timeline_names_the_rule_and_who_had_the_place(topic, ann):
    make_rule(name="One a week")
    got(ann, make_mailing(topic, name="Winter sale"))
    ask(make_mailing(topic), ann)
    told = [entry.detail for entry in entries(ann, 5, Span())]
    assert "Already had the most mails allowed (One a week): ‘Winter sale’ went first" in told


def test_the_day_s_cap_names_who_had_its_places_too(topic, ann, settings):
    settings.DELIVERY_DAILY_CAP = 1
    first, second = make_mailing(topic, name="Winter sale"), make_mailing(topic)
    ask(first, ann)
    assert ask(second, ann).reason == SkipReason.CAPPED
    assert winners(second) == [("Winter sale", 1)]


def test_the_questions_of_a_hand_over_do_not_grow_with_the_people(topic, django_assert_max_num_queries):
    make_rule(most=2, otherwise="defer", wait_hours=999)
    mailing = make_mailing(topic)
    for _ in range(20):
        person = make_follower(topic)
        for ago in (HOUR, DAY):
            got(person, mailing, ago)
        write(mailing, person)
    token, ids = ledger.claim(mailing, uuid.uuid4(), 500)
    with django_assert_max_num_queries(12):
        assert ledger.hand_over(mailing, token, ids, []) == set()


@pytest.mark.parametrize(
    "wrong",
    [{"window": "calendar", "count": 2}, {"window": "calendar", "unit": "hour", "count": 1}, {"count": 0}],
)
def test_a_rule_that_means_nothing_cannot_be_stored(db, wrong):
    with pytest.raises(IntegrityError):
        make_rule(**wrong)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("window", ["rolling", "calendar"])
def test_two_senders_at_once_never_share_a_last_place(topic, window, monkeypatch):
    """Each thread hands over its own campaign; both have begun before either counts."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    make_rule(most=2, window=window, count=1)
    people = [make_follower(topic) for _ in range(12)]
    mailings = [make_mailing(topic) for _ in range(2)]
    earlier = make_mailing(topic)
    for person in people:
        got(person, earlier, dt.timedelta(minutes=0))
        for mailing in mailings:
            write(mailing, person)
    both = threading.Barrier(2)
    real = policies.lock_people

    def lock(chosen, day=None):
        both.wait(10)
        real(chosen, day)

    monkeypatch.setattr(limits, "lock_people", lock)
    handed: list[set[int]] = []

    def send(mailing: Mailing) -> None:
        token, ids = ledger.claim(mailing, uuid.uuid4(), 500)
        handed.append(ledger.hand_over(mailing, token, ids, []))
        connection.close()

    threads = [threading.Thread(target=send, args=(mailing,)) for mailing in mailings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sum(len(ids) for ids in handed) == len(people)
    assert Message.objects.filter(reason=SkipReason.CAPPED).count() == len(people)
