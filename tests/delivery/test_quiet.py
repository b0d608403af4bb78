"""Windows: a mail goes out only while its window is open for its reader, and never when it is too late for it."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import replace
from typing import Any

import pytest

from campaigns.delivery import engine, ledger
from campaigns.delivery.ledger import Result
from campaigns.delivery.models import Mailing, Message
from campaigns.delivery.quiet import QuietHours
from campaigns.delivery.services import hold_gate, open_gate
from campaigns.delivery.types import MessageState, SkipReason
from personalize.accounts.models import Brand
from personalize.content import contexts
from personalize.core.clock import now
from personalize.core.localtime import Window
from segments.subscribers.models import Subscriber
from tests.delivery.conftest import look_on, send
from tests.factories import make_follower, make_mailing, make_topic

pytestmark = pytest.mark.django_db

MORNING = Window(dt.time(8), dt.time(12))
NIGHT = Window(dt.time(20), dt.time(2))


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)


@pytest.fixture
def topic(brand):
    return make_topic()


def write(mailing: Mailing, person: Subscriber, **fields) -> Message:
    return Message.objects.create(
        uuid=uuid.uuid4(),
        mailing=mailing,
        subscriber=person,
        address_key=person.address_key,
        dedupe_key=uuid.uuid4().hex,
        **{"due_at": now(), "created_at": now(), **fields},
    )


def ask(topic, window: Window, at: dt.datetime, *people: Subscriber, **fields) -> list[Message]:
    """One message of a new mailing to each, claimed and asked at ``at``; as they stand then."""
    mailing = make_mailing(topic, window=window.as_json())
    messages = [write(mailing, person, **fields) for person in people]
    token, ids = ledger.claim(mailing, uuid.uuid4(), 500)
    QuietHours(mailing, Brand.objects.get(), ids).may_go(token, ids, at)
    ledger_rows = Message.objects.in_bulk([message.pk for message in messages])
    return [ledger_rows[message.pk] for message in messages]


def test_each_person_waits_for_the_opening_by_their_own_clock(topic):
    ann = make_follower(topic, time_zone="America/New_York")
    ben = make_follower(topic, time_zone="Asia/Tokyo")
    cleo = make_follower(topic, time_zone="Europe/Paris")
    waiting, gone_by, goes = ask(topic, MORNING, utc(2026, 11, 19, 9, 0), ann, ben, cleo)
    assert (waiting.state, waiting.due_at, waiting.token) == (MessageState.READY, utc(2026, 11, 19, 13, 0), None)
    assert gone_by.due_at == utc(2026, 11, 19, 23, 0)
    assert goes.state == MessageState.CLAIMED


@pytest.mark.parametrize("name", ["", "Europe/Atlantis"])
def test_whose_zone_is_not_known_lives_where_the_brand_does(topic, name):
    Brand.objects.update(time_zone="America/New_York")
    [message] = ask(topic, MORNING, utc(2026, 11, 19, 9, 0), make_follower(topic, time_zone=name))
    assert message.due_at == utc(2026, 11, 19, 13, 0)


def test_a_window_of_the_brand_opens_for_all_at_once(topic):
    window = Window(dt.time(8), dt.time(12), zone="brand")
    people = [make_follower(topic, time_zone=name) for name in ("Asia/Tokyo", "America/New_York")]
    messages = ask(topic, window, utc(2026, 11, 19, 5, 0), *people)
    assert [message.due_at for message in messages] == [utc(2026, 11, 19, 8, 0)] * 2


@pytest.mark.parametrize(
    ("window", "at", "opens"),
    [
        # London: clocks go from 1:00 to 2:00 on 29 March 2026 and from 2:00 back to 1:00 on 25 October.
        (Window(dt.time(1, 30), dt.time(4)), utc(2026, 3, 29, 0, 0), utc(2026, 3, 29, 1, 0)),
        (MORNING, utc(2026, 3, 28, 20, 0), utc(2026, 3, 29, 7, 0)),
        (MORNING, utc(2026, 10, 24, 20, 0), utc(2026, 10, 25, 8, 0)),
        (Window(dt.time(1, 30), dt.time(4)), utc(2026, 10, 24, 23, 0), utc(2026, 10, 25, 0, 30)),
        (NIGHT, utc(2026, 11, 19, 2, 0), utc(2026, 11, 19, 20, 0)),
        (Window(dt.time(8), dt.time(12), frozenset({1})), utc(2026, 11, 19, 9, 0), utc(2026, 11, 23, 8, 0)),
    ],
    ids=["a start that never strikes", "spring", "autumn", "a start that strikes twice", "over midnight", "Mondays"],
)
def test_the_opening_follows_the_wall_clock(topic, window, at, opens):
    [message] = ask(topic, window, at, make_follower(topic, time_zone="Europe/London"))
    assert (message.state, message.due_at) == (MessageState.READY, opens)


def test_a_window_ends_before_its_last_minute_strikes(topic):
    ann = make_follower(topic, time_zone="Europe/London")
    [before] = ask(topic, MORNING, utc(2026, 11, 19, 11, 59), ann)
    [at_the_end] = ask(topic, MORNING, utc(2026, 11, 19, 12, 0), ann)
    assert before.state == MessageState.CLAIMED
    assert at_the_end.due_at == utc(2026, 11, 20, 8, 0)


def test_a_window_may_leave_out_who_comes_outside(topic):
    window = Window(dt.time(8), dt.time(12), otherwise="skip")
    [message] = ask(topic, window, utc(2026, 11, 19, 20, 0), make_follower(topic))
    assert (message.state, message.reason) == (MessageState.SKIPPED, SkipReason.WINDOW)
    assert message.due_at is None


def test_a_mail_that_would_be_too_late_when_the_window_opens_does_not_wait_for_it(topic):
    at, opens = utc(2026, 11, 19, 20, 0), utc(2026, 11, 20, 8, 0)
    ann, ben = make_follower(topic), make_follower(topic)
    [late] = ask(topic, MORNING, at, ann, expires_at=opens)
    [in_time] = ask(topic, MORNING, at, ben, expires_at=opens + dt.timedelta(minutes=1))
    assert (late.state, late.reason) == (MessageState.SKIPPED, SkipReason.TOO_LATE)
    assert (in_time.state, in_time.due_at) == (MessageState.READY, opens)


def test_the_questions_do_not_grow_with_the_people(topic, django_assert_num_queries):
    mailing = make_mailing(topic, window=MORNING.as_json())
    for _ in range(30):
        write(mailing, make_follower(topic, time_zone="Europe/London"))
    token, ids = ledger.claim(mailing, uuid.uuid4(), 500)
    brand = Brand.objects.get()
    with django_assert_num_queries(5):  # The zones; then savepoint, the late, the waiting, release.
        QuietHours(mailing, brand, ids).may_go(token, ids, utc(2026, 11, 19, 20, 0))


def hours_from_now(start: int, end: int) -> dict[str, Any]:
    """A window by the clock of UTC that opens and closes so many hours from now."""
    at = now()
    opens, closes = ((at + dt.timedelta(hours=hours)).time().replace(second=0, microsecond=0) for hours in (start, end))
    return Window(opens, closes).as_json()


def test_outside_its_window_nothing_leaves_and_inside_it_all_does(mailing, server):
    Brand.objects.update(time_zone="UTC")
    make_follower(mailing.topic, "ann@post.example")
    Mailing.objects.update(window=hours_from_now(2, 4))
    figures = send(mailing)
    assert (figures.open, figures.sent, server.addresses()) == (1, 0, [])
    assert Message.objects.get().due_at > now() + dt.timedelta(minutes=100)

    Mailing.objects.update(window=hours_from_now(-2, 2))
    Message.objects.update(due_at=now())
    look_on()
    assert Message.objects.get().state == MessageState.SENT


def test_what_became_too_late_while_it_waited_is_not_sent(mailing, server):
    message = write(mailing, make_follower(mailing.topic), expires_at=now() + dt.timedelta(hours=1))
    hold_gate(mailing=mailing)
    look_on()
    Message.objects.update(expires_at=now() - dt.timedelta(seconds=1))
    open_gate(mailing=mailing)
    look_on()
    message.refresh_from_db()
    assert (message.state, message.reason, server.addresses()) == (MessageState.SKIPPED, SkipReason.TOO_LATE, [])


def test_a_retry_does_not_lift_the_time_from_which_on_it_is_too_late(topic):
    mailing = make_mailing(topic)
    message = write(mailing, make_follower(topic), expires_at=now() + dt.timedelta(hours=1))
    token, ids = ledger.claim(mailing, uuid.uuid4(), 500)
    assert ledger.hand_over(mailing, token, ids, []) == {message.pk}
    ledger.finish(token, [Result(message.pk, MessageState.READY, code=450, wait=0, counted=True)])
    Message.objects.update(expires_at=now())
    token, ids = ledger.claim(mailing, uuid.uuid4(), 500)
    assert ledger.hand_over(mailing, token, ids, []) == set()
    ledger.explain(mailing, token, ids)
    message.refresh_from_db()
    assert (message.state, message.reason) == (MessageState.SKIPPED, SkipReason.TOO_LATE)


def test_whoever_has_nothing_left_in_their_mail_gets_none_and_the_others_get_theirs(mailing, server, monkeypatch):
    make_follower(mailing.topic, "ann@post.example")
    make_follower(mailing.topic, "ben@post.example")
    real = contexts.prepare

    def prepare(**asked):
        found = real(**asked)
        empty = {
            pk: replace(one, skip="nothing_left") for pk, one in found.items() if one.address == "ann@post.example"
        }
        return found | empty

    monkeypatch.setattr(engine, "prepare", prepare)
    figures = send(mailing)
    assert (figures.sent, figures.reasons, figures.balances) == (1, {"nothing_left": 1}, True)
    assert server.addresses() == ["ben@post.example"]
