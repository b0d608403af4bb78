"""Comings and goings of followed segments: each told once, none that nobody made."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from campaigns.automations.calendar import sweep_calendar
from campaigns.automations.enrolling import sweep_events
from campaigns.automations.models import Automation, Enrolment
from segments.events.models import Event
from segments.segmentation import membership
from segments.segmentation.membership import Follower, followed, look, refresh
from segments.segmentation.models import Membership, Segment, SegmentSnapshot
from segments.subscribers.models import Subscriber
from tests.factories import NOW, make_automation, make_order, make_subscriber

pytestmark = pytest.mark.django_db
MINUTE = dt.timedelta(minutes=1)
BRITISH = {"v": 1, "all": [{"attr": "country", "op": "is", "value": "GB"}]}


@pytest.fixture
def follow() -> Iterator[set[uuid.UUID]]:
    """The segments that somebody follows, to be filled by the test."""
    wanted: set[uuid.UUID] = set()
    followed.add(Follower("test", lambda: wanted))
    yield wanted
    del followed._entries["test"]


def make_segment(name: str = "British", rule: dict[str, Any] = BRITISH) -> Segment:
    return Segment.objects.create(name=name, rule=rule, created_at=NOW, updated_at=NOW)


def told() -> list[tuple[str, str, bool]]:
    """What was recorded: event, whose, whether it may trigger."""
    rows = Event.objects.order_by("pk").values_list("name", "subscriber__email", "processed_at")
    return [(name, email.split("@")[0], processed is None) for name, email, processed in rows]


def move(email: str, country: str) -> None:
    Subscriber.objects.filter(email=email).update(country=country)


def test_whoever_comes_or_goes_is_told_of_once(follow):
    segment = make_segment()
    follow.add(segment.uuid)
    make_subscriber("ann@post.example", country="GB")
    make_subscriber("bob@post.example", country="DE")
    assert look(NOW)
    # Who is in it when it is first looked at has not joined just then.
    assert told() == []
    assert not look(NOW + MINUTE / 2)
    move("bob@post.example", "GB")
    assert look(NOW + MINUTE)
    assert told() == [("segment_joined", "bob", True)]
    move("ann@post.example", "FR")
    for minutes in (30, 60, 90):
        look(NOW + minutes * MINUTE)
    assert told() == [("segment_joined", "bob", True), ("segment_left", "ann", True)]
    event = Event.objects.last()
    assert (event.subject, event.properties) == (str(segment.uuid), {"segment": "British", "cause": "change"})
    assert set(Membership.objects.values_list("subscriber__email", flat=True)) == {"bob@post.example"}


def test_whoever_goes_and_comes_again_is_told_of_each_time(follow):
    follow.add(make_segment().uuid)
    make_subscriber("ann@post.example", country="GB")
    for number, country in enumerate(["GB", "DE", "GB", "DE"]):
        move("ann@post.example", country)
        look(NOW + number * 30 * MINUTE)
    assert [name for name, _who, _fresh in told()] == ["segment_left", "segment_joined", "segment_left"]


@pytest.mark.parametrize("indirectly", [False, True])
def test_another_definition_moves_people_but_triggers_nothing(follow, indirectly: bool):
    inner = make_segment()
    segment = make_segment("Of the British", {"v": 1, "all": [{"segment": str(inner.uuid)}]}) if indirectly else inner
    follow.add(segment.uuid)
    make_subscriber("ann@post.example", country="GB")
    make_subscriber("bob@post.example", country="DE")
    look(NOW)
    Segment.objects.filter(pk=inner.pk).update(rule={"v": 1, "all": [{"attr": "country", "op": "is", "value": "DE"}]})
    look(NOW + 30 * MINUTE)
    assert told() == [("segment_left", "ann", False), ("segment_joined", "bob", False)]
    move("ann@post.example", "DE")
    look(NOW + 60 * MINUTE)
    assert told()[-1] == ("segment_joined", "ann", True)


def test_time_alone_moves_people(follow):
    rule = {"v": 1, "all": [{"orders": {"metric": "count", "op": ">=", "value": 1, "window": {"last": [30, "days"]}}}]}
    follow.add(make_segment(rule=rule).uuid)
    make_order(make_subscriber("ann@post.example"), placed_at=NOW - dt.timedelta(days=29, hours=23))
    look(NOW)
    look(NOW + dt.timedelta(hours=2))
    assert told() == [("segment_left", "ann", True)]


def test_what_nobody_follows_any_more_is_forgotten(follow):
    segment = make_segment()
    follow.add(segment.uuid)
    make_subscriber("ann@post.example", country="GB")
    look(NOW)
    follow.clear()
    assert not look(NOW + MINUTE)
    assert not Membership.objects.exists()
    make_subscriber("bob@post.example", country="GB")
    follow.add(segment.uuid)
    look(NOW + dt.timedelta(days=1))
    assert told() == []


def test_a_rule_that_cannot_be_used_any_more_moves_nobody_and_stops_no_other(follow, caplog):
    broken = make_segment("Broken", {"v": 1, "all": [{"topic": "gone", "is": "subscribed"}]})
    segment = make_segment()
    follow |= {broken.uuid, segment.uuid, uuid.uuid4()}
    make_subscriber("ann@post.example", country="DE")
    while look(NOW):
        pass
    move("ann@post.example", "GB")
    while look(NOW + 20 * MINUTE):
        pass
    assert told() == [("segment_joined", "ann", True)]
    assert "Broken" in caplog.text


def test_many_are_told_of_in_slices(follow, monkeypatch):
    monkeypatch.setattr(membership, "SLICE", 7)
    segment = make_segment()
    for number in range(20):
        make_subscriber(f"p{number}@post.example", country="GB")
    assert refresh(segment=segment, at=NOW) == (20, 0)
    Subscriber.objects.update(country="DE")
    assert refresh(segment=segment, at=NOW + MINUTE) == (0, 20)
    assert len(told()) == 40


def test_a_look_is_taken_by_one_process(follow):
    segment = make_segment()
    follow.add(segment.uuid)
    SegmentSnapshot.objects.create(segment=segment, due_at=NOW)
    assert membership._take(SegmentSnapshot.objects.get().pk, NOW)
    assert not membership._take(SegmentSnapshot.objects.get().pk, NOW)


def test_joining_a_segment_brings_people_into_an_automation_and_a_new_definition_does_not():
    segment = make_segment()
    definition = {
        "v": 1,
        "trigger": {"on": "joined", "segment": str(segment.uuid)},
        "steps": [{"id": "wait", "type": "wait", "for": [1, "days"]}],
    }
    automation = make_automation(definition=definition)
    Automation.objects.filter(pk=automation.pk).update(live_since=NOW - MINUTE)
    for name, country in (("ann", "GB"), ("bob", "DE"), ("cy", "FR")):
        make_subscriber(f"{name}@post.example", country=country)

    def turn(minutes: int) -> None:
        at = NOW + minutes * MINUTE
        look(at)
        Event.objects.filter(received_at__gt=at).update(received_at=at)
        while sweep_events(at):
            pass
        sweep_calendar(at)

    turn(0)
    move("bob@post.example", "GB")
    turn(30)
    everybody = {"v": 1, "all": []}
    Segment.objects.filter(pk=segment.pk).update(rule=everybody)
    turn(60)
    assert list(Enrolment.objects.values_list("subscriber__email", flat=True)) == ["bob@post.example"]
