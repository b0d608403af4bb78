"""Comings and goings of kept segments: each told once with its cause, none that nobody made."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction

from campaigns.automations.calendar import sweep_calendar
from campaigns.automations.enrolling import sweep_events
from campaigns.automations.models import Automation, Enrolment
from personalize.core.database import is_postgres
from segments.events.models import Event
from segments.segmentation import memberships, services
from segments.segmentation.history import figures_of
from segments.segmentation.membership import LEASE, SETTLED, Follower, followed, look, take, tonight
from segments.segmentation.models import Membership, Segment, SegmentMode, SegmentSnapshot, SegmentTurn, TouchedPerson
from segments.segmentation.touching import importing
from segments.subscribers.merging import merge_subscribers
from segments.subscribers.models import Subscriber
from segments.subscribers.rights import erase_subscriber
from segments.subscribers.services import upsert_subscribers
from segments.subscribers.types import SubscriberRow
from tests.factories import NOW, make_automation, make_order, make_subscriber

pytestmark = pytest.mark.django_db
MINUTE = dt.timedelta(minutes=1)
SECOND = dt.timedelta(seconds=1)
BRITISH = {"v": 1, "all": [{"attr": "country", "op": "is", "value": "GB"}]}
GERMAN = {"v": 1, "all": [{"attr": "country", "op": "is", "value": "DE"}]}
LATELY = {"v": 1, "all": [{"orders": {"metric": "count", "op": ">=", "value": 1, "window": {"last": [30, "days"]}}}]}


@pytest.fixture
def follow() -> Iterator[set[uuid.UUID]]:
    """The segments that somebody follows, to be filled by the test."""
    wanted: set[uuid.UUID] = set()
    followed.add(Follower("test", lambda: wanted))
    yield wanted
    del followed._entries["test"]


def make_segment(name: str = "British", rule: dict[str, Any] = BRITISH, mode: str = SegmentMode.INCREMENTAL) -> Segment:
    return Segment.objects.create(name=name, rule=rule, mode=mode, created_at=NOW, updated_at=NOW)


def told() -> list[tuple[str, str, str, bool]]:
    """What was recorded: event, whose, why, whether it may trigger."""
    rows = Event.objects.filter(source="segments").order_by("pk")
    return [
        (name, email.split("@")[0], properties["cause"], processed is None)
        for name, email, properties, processed in rows.values_list(
            "name", "subscriber__email", "properties", "processed_at"
        )
    ]


def members(segment: Segment) -> set[str]:
    emails = Membership.objects.filter(segment=segment).values_list("subscriber__email", flat=True)
    return {email.split("@")[0] for email in emails}


def move(*names: str, country: str) -> None:
    """Let people live elsewhere, as whatever stores people does."""
    rows = [SubscriberRow(f"{name}@post.example", country=country) for name in names]
    upsert_subscribers(rows=rows, source="test")


def settle(at: dt.datetime = NOW) -> None:
    """Look until nothing is left to do."""
    while look(at):
        pass


def test_whoever_comes_or_goes_is_told_of_once():
    segment = make_segment()
    move("ann", country="GB")
    move("bob", country="DE")
    settle()
    # Who is in it when it is first looked at has not joined it just then.
    assert told() == []
    move("bob", country="GB")
    settle(NOW + SECOND)
    assert told() == [("segment_joined", "bob", "data", True)]
    move("ann", country="FR")
    for seconds in (2, 3, 300):
        settle(NOW + seconds * SECOND)
    assert told()[1:] == [("segment_left", "ann", "data", True)]
    event = Event.objects.order_by("pk").last()
    assert event is not None
    assert (event.subject, event.properties["segment"]) == (str(segment.uuid), "British")
    assert event.occurred_at == NOW + 2 * SECOND
    assert members(segment) == {"bob"}


def test_who_is_merged_away_or_erased_is_counted_no_more(django_capture_on_commit_callbacks):
    segment = make_segment()
    move("ann", "bob", "cy", country="GB")
    settle()
    ann, bob, cy = Subscriber.objects.order_by("pk")
    with django_capture_on_commit_callbacks(execute=True):
        merge_subscribers(survivor=ann, duplicate=bob, actor="Maya")
    settle(NOW + SECOND)
    assert SegmentSnapshot.objects.get(segment=segment).people == len(members(segment)) == 2
    with django_capture_on_commit_callbacks(execute=True):
        erase_subscriber(subscriber=cy, actor="Maya")
    settle(NOW + 2 * SECOND)
    assert SegmentSnapshot.objects.get(segment=segment).people == Membership.objects.count() == 1


def test_nobody_but_those_touched_is_asked_about():
    segment = make_segment()
    move("ann", "bob", country="DE")
    settle()
    Subscriber.objects.update(country="GB")  # As nothing in the house does it: without a word to anybody.
    move("ann", country="GB")
    upsert_subscribers(rows=[SubscriberRow("ann@post.example", city="Bath")], source="test")
    settle(NOW + SECOND)
    assert members(segment) == {"ann"}


def test_whoever_goes_and_comes_again_is_told_of_each_time():
    make_segment()
    move("ann", country="GB")
    settle()
    for number, country in enumerate(["DE", "GB", "DE"]):
        move("ann", country=country)
        settle(NOW + number * SECOND)
    assert [name for name, *_rest in told()] == ["segment_left", "segment_joined", "segment_left"]


def test_nothing_is_noted_of_people_while_no_segment_is_kept():
    make_segment(mode=SegmentMode.LIVE)
    settle()
    move("ann", country="GB")
    assert not TouchedPerson.objects.exists()
    make_segment("Kept")
    settle()
    move("ann", country="DE")
    assert TouchedPerson.objects.exists()


def test_what_was_under_way_when_a_segment_was_first_kept_is_found_soon_after():
    segment = make_segment()
    settle()
    make_subscriber("ann@post.example", country="GB")  # Committed late, by somebody who saw no kept segment.
    settle(NOW + SETTLED - SECOND)
    assert members(segment) == set()
    settle(NOW + SETTLED)
    assert told() == [("segment_joined", "ann", "data", True)]


@pytest.mark.parametrize("indirectly", [False, True])
def test_another_definition_moves_people_but_triggers_nothing(indirectly: bool):
    inner = make_segment(mode=SegmentMode.LIVE)
    make_segment("Of the British", {"v": 1, "all": [{"segment": str(inner.uuid)}]}) if indirectly else (
        Segment.objects.filter(pk=inner.pk).update(mode=SegmentMode.INCREMENTAL)
    )
    move("ann", country="GB")
    move("bob", country="DE")
    settle()
    services.update_segment(segment=inner, lock_version=0, name="German", rule=GERMAN, actor="Priya")
    settle(NOW + SECOND)
    assert told() == [
        ("segment_left", "ann", "definition", False),
        ("segment_joined", "bob", "definition", False),
    ]
    move("ann", country="DE")
    settle(NOW + 2 * SECOND)
    assert told()[-1] == ("segment_joined", "ann", "data", True)


def test_another_time_zone_of_the_shop_is_another_definition(brand):
    rule = {"v": 1, "all": [{"orders": {"metric": "count", "op": ">", "value": 0, "window": {"calendar": ["day", 0]}}}]}
    segment = make_segment(rule=rule)
    # Half past eleven in London yesterday is today in Auckland.
    make_order(make_subscriber("ann@post.example"), placed_at=NOW.replace(hour=23, minute=30) - dt.timedelta(days=1))
    settle()
    assert members(segment) == set()
    brand.time_zone = "Pacific/Auckland"
    brand.save()
    settle(NOW + SECOND)
    assert told() == [("segment_joined", "ann", "definition", False)]


def test_time_alone_moves_people_at_the_instant():
    make_segment(rule=LATELY)
    make_order(make_subscriber("ann@post.example"), placed_at=NOW - dt.timedelta(days=29, hours=23))
    settle()
    hour = dt.timedelta(hours=1)
    settle(NOW + SETTLED)
    settle(NOW + hour)
    assert told() == []
    settle(NOW + hour + dt.timedelta(microseconds=1))
    assert told() == [("segment_left", "ann", "time", True)]


def test_a_small_file_touches_its_people_and_triggers_nothing():
    make_segment()
    settle()
    with importing(large=False):
        move("ann", country="GB")
    settle(NOW + SECOND)
    move("bob", country="GB")
    settle(NOW + 2 * SECOND)
    assert told() == [("segment_joined", "ann", "import", False), ("segment_joined", "bob", "data", True)]


def test_a_large_file_is_one_mark_and_everybody_is_asked_about():
    segment = make_segment()
    settle()
    settle(NOW + SETTLED)
    with importing(large=True):
        move("ann", "bob", country="GB")
        move("cy", country="GB")
    (mark,) = TouchedPerson.objects.all()
    assert (mark.subscriber, mark.cause) == (None, "import")
    later = NOW + SETTLED + 5 * MINUTE
    settle(later)
    assert members(segment) == {"ann", "bob", "cy"}
    assert {row[2:] for row in told()} == {("import", False)}


def test_what_followers_follow_is_kept_whatever_its_mode_and_forgotten_afterwards(follow):
    segment = make_segment(mode=SegmentMode.LIVE)
    move("ann", country="GB")
    settle()
    assert not Membership.objects.exists()
    follow.add(segment.uuid)
    settle()
    move("bob", country="GB")
    settle(NOW + SECOND)
    assert told() == [("segment_joined", "bob", "data", True)]
    follow.clear()
    settle(NOW + MINUTE)
    assert not Membership.objects.exists()
    assert not SegmentTurn.objects.exists()
    move("cy", country="GB")
    follow.add(segment.uuid)
    settle(NOW + dt.timedelta(days=1))
    assert len(told()) == 1


def test_a_snapshot_is_as_it_was_when_it_was_taken():
    segment = make_segment(mode=SegmentMode.SNAPSHOT)
    uses = {"v": 1, "all": [{"segment": str(segment.uuid)}]}
    move("ann", country="GB")
    # Until it is taken for the first time its rule is asked.
    assert services.count(rule=segment.meaning, as_of=NOW) == 1
    settle()
    move("bob", country="GB")
    move("ann", country="DE")
    settle(NOW + MINUTE)
    for rule in (uses, segment.meaning):
        assert [person.email for person in services.audience(rule=rule, as_of=NOW)] == ["ann@post.example"]
    take(segment=segment, at=NOW + MINUTE)
    assert [person.email for person in services.audience(rule=uses, as_of=NOW)] == ["bob@post.example"]
    assert told() == []


def test_a_snapshot_is_taken_anew_every_night():
    segment = make_segment(mode=SegmentMode.SNAPSHOT)
    settle()
    move("ann", country="GB")
    night = tonight(NOW)
    settle(night - SECOND)
    assert members(segment) == set()
    settle(night)
    assert members(segment) == {"ann"}


def test_people_of_a_snapshot_come_into_a_kept_segment_that_names_it_when_it_is_taken():
    snapshot = make_segment(mode=SegmentMode.SNAPSHOT)
    segment = make_segment("Of the British", {"v": 1, "all": [{"segment": str(snapshot.uuid)}]})
    settle()
    settle(NOW + SETTLED)
    move("ann", country="GB")
    settle(NOW + 2 * MINUTE)
    assert members(segment) == set()
    take(segment=snapshot, at=NOW + 3 * MINUTE)
    settle(NOW + 3 * MINUTE)
    assert told() == [("segment_joined", "ann", "data", True)]


def test_a_rule_about_joining_another_segment_hears_of_it():
    first = make_segment()
    rule = {"event": {"name": "segment_joined", "where": [{"field": "subject", "op": "is", "value": str(first.uuid)}]}}
    rule["event"] |= {"metric": "count", "op": ">=", "value": 1}  # type: ignore[dict-item]
    second = make_segment("Once joined", {"v": 1, "all": [rule]})
    settle()
    move("ann", country="GB")
    settle(NOW + SECOND)
    settle(NOW + 2 * SECOND)
    assert members(second) == {"ann"}


def test_a_rule_that_cannot_be_used_any_more_moves_nobody_and_stops_no_other(caplog):
    broken = make_segment("Broken", {"v": 1, "all": [{"topic": "gone", "is": "subscribed"}]})
    segment = make_segment()
    settle()
    move("ann", country="GB")
    settle(NOW + SECOND)
    assert told() == [("segment_joined", "ann", "data", True)]
    assert caplog.text.count("Broken") == 1
    Segment.objects.filter(pk=broken.pk).update(rule=BRITISH)
    settle(NOW + 2 * SECOND)
    assert members(broken) == members(segment) == {"ann"}
    assert len(told()) == 1


def test_many_are_told_of_in_slices(monkeypatch):
    monkeypatch.setattr(memberships, "SLICE", 7)
    segment = make_segment()
    settle()
    names = [f"p{number}" for number in range(20)]
    move(*names, country="GB")
    TouchedPerson.objects.all().delete()
    assert take(segment=segment, at=NOW).joined == 20
    Subscriber.objects.update(country="DE")
    assert take(segment=segment, at=NOW + MINUTE).left == 20
    assert len(told()) == 40
    snapshot = SegmentSnapshot.objects.get(segment=segment)
    assert (snapshot.people, snapshot.counted_at) == (0, NOW + MINUTE)


def test_the_night_finds_what_was_missed_and_says_so(caplog):
    segment = make_segment()
    settle()
    settle(NOW + SETTLED)
    move("bob", country="GB")
    make_subscriber("ann@post.example", country="GB")  # Without a word to anybody.
    night = tonight(NOW)
    settle(night)
    assert members(segment) == {"ann", "bob"}
    assert "1 had joined and 0 left unnoticed" in caplog.text
    caplog.clear()
    settle(tonight(night))
    assert caplog.text == ""


def test_how_many_there_were_is_known_day_by_day_whatever_the_mode():
    kept, live = make_segment(), make_segment("Live", mode=SegmentMode.LIVE)
    moment = dt.datetime.now(dt.UTC)
    for day in range(3):
        move(f"p{day}", country="GB")
        settle(moment + dt.timedelta(days=day - 2))
        settle(moment + dt.timedelta(days=day - 2) + SETTLED)
    for segment in (kept, live):
        assert [people for _day, people in figures_of(segment)] == [1, 2, 3]
        assert [people for _day, people in figures_of(segment, days=1)] == [2, 3]
        snapshot = SegmentSnapshot.objects.get(segment=segment)
        assert snapshot.people == 3
        assert snapshot.took_ms is not None


def test_a_look_at_everybody_that_was_left_is_taken_up_later():
    segment = make_segment()
    settle()
    SegmentSnapshot.objects.update(due_at=NOW, busy_until=NOW + LEASE)
    make_subscriber("ann@post.example", country="GB")
    settle(NOW + LEASE - SECOND)
    assert members(segment) == set()
    settle(NOW + LEASE)
    assert members(segment) == {"ann"}


@pytest.mark.django_db(transaction=True)
def test_many_sweeping_at_once_lose_nobody_and_let_nobody_in_twice():
    if not is_postgres():
        pytest.skip("SQLite has one writer at a time.")
    segment = make_segment()
    settle()
    settle(NOW + SETTLED)
    names = [f"p{number}" for number in range(60)]

    def change(some: list[str]) -> None:
        for name in some:
            for country in ("GB", "DE", "GB"):
                move(name, country=country)
        connection.close()

    stop = threading.Event()

    def keep_looking() -> None:
        while not stop.is_set():
            look(NOW + MINUTE + SECOND)
        connection.close()

    changers = [threading.Thread(target=change, args=(names[start::3],)) for start in range(3)]
    lookers = [threading.Thread(target=keep_looking) for _number in range(3)]
    for thread in [*lookers, *changers]:
        thread.start()
    for thread in changers:
        thread.join()
    stop.set()
    for thread in lookers:
        thread.join()
    settle(NOW + MINUTE + SECOND)
    assert members(segment) == set(names)
    balance = dict.fromkeys(names, 0)
    for name, who, _cause, _fresh in told():
        balance[who] += 1 if name == "segment_joined" else -1
        assert balance[who] in (0, 1)
    assert set(balance.values()) == {1}


def test_what_is_taken_back_touches_nobody():
    make_segment()
    settle()
    with transaction.atomic():
        move("ann", country="GB")
        transaction.set_rollback(True)
    assert not TouchedPerson.objects.exists()


def test_joining_a_segment_brings_people_into_an_automation_and_a_new_definition_does_not():
    segment = make_segment(mode=SegmentMode.LIVE)
    definition = {
        "v": 1,
        "trigger": {"on": "joined", "segment": str(segment.uuid)},
        "steps": [{"id": "wait", "type": "wait", "for": [1, "days"]}],
    }
    automation = make_automation(definition=definition)
    Automation.objects.filter(pk=automation.pk).update(live_since=NOW - MINUTE)
    move("ann", country="GB")
    move("bob", country="DE")
    move("cy", country="FR")

    def turn(minutes: int) -> None:
        at = NOW + minutes * MINUTE
        settle(at)
        Event.objects.filter(received_at__gt=at).update(received_at=at)
        while sweep_events(at):
            pass
        sweep_calendar(at)

    turn(0)
    move("bob", country="GB")
    turn(30)
    Segment.objects.filter(pk=segment.pk).update(rule={"v": 1, "all": []})
    turn(60)
    assert list(Enrolment.objects.values_list("subscriber__email", flat=True)) == ["bob@post.example"]
