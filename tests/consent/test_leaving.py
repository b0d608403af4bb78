"""Who left by a link that a friend may have pressed is told by mail, with the way back."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine

from segments.consent import services
from segments.consent.models import ConsentEntry, Subscription, Suppression, Topic
from segments.subscribers.models import Subscriber
from tests.consent.conftest import path
from tests.factories import NOW, make_subscription, make_topic

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("brand")]
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def follower(ann: Subscriber, news: Topic, winter: Topic) -> Subscriber:
    for topic in (news, winter):
        make_subscription(ann, topic)
    return ann


def leave(ann: Subscriber, topic: Topic | None, source: str = "one-click", after: dt.timedelta = HOUR) -> None:
    with time_machine.travel(NOW + after, tick=False):
        services.unsubscribe(subscriber=ann, topic=topic, source=source)


def following() -> set[str]:
    return set(Subscription.objects.filter(state="subscribed").values_list("topic__key", flat=True))


@pytest.mark.parametrize("source", ["one-click", "unsubscribe page", "preference page"])
def test_leaving_by_a_link_is_told_with_the_way_back(follower, news, wanted, stranger, source):
    leave(follower, news, source)
    mail = wanted[0]
    assert mail["kind"] == "undo"
    assert mail["subscriber"] == follower
    assert (mail["context"]["topics"], mail["context"]["everything"]) == (["News"], False)
    with time_machine.travel(NOW + 2 * HOUR, tick=False):
        page = stranger.get(path(mail)).content.decode()
        assert "You have left ‘News’" in page
        assert following() == {"winter"}
        assert "It is as it was" in stranger.post(path(mail)).content.decode()
        assert following() == {"news", "winter"}
        assert "Nothing waits here" in stranger.post(path(mail)).content.decode()


@pytest.mark.parametrize("source", ["api", "import", "feedback loop"])
def test_leaving_by_other_ways_is_not_told(follower, news, wanted, source):
    leave(follower, news, source)
    assert wanted == []


def test_it_is_told_once_a_day_however_often_they_leave(follower, news, winter, wanted):
    leave(follower, news)
    leave(follower, winter, after=2 * HOUR)
    leave(follower, None, after=3 * HOUR)
    assert len(wanted) == 1


def test_one_way_back_undoes_all_that_was_left_by_links_that_day(follower, news, wanted, stranger):
    leave(follower, news)
    leave(follower, None, "unsubscribe page", after=2 * HOUR)
    assert following() == set()
    with time_machine.travel(NOW + 5 * HOUR, tick=False):
        stranger.post(path(wanted[0]))
    assert following() == {"news", "winter"}
    assert not Suppression.objects.exists()


def test_the_way_back_is_closed_after_thirty_days(follower, news, wanted, stranger):
    leave(follower, news)
    with time_machine.travel(NOW + dt.timedelta(days=31), tick=False):
        assert "Nothing waits here" in stranger.post(path(wanted[0])).content.decode()
    assert following() == {"winter"}


def test_who_never_followed_is_told_nothing(ann, news, wanted):
    leave(ann, news)
    leave(ann, None)
    assert wanted == []
    assert ConsentEntry.objects.count() == 2


def test_a_complaint_after_leaving_is_not_undone(follower, wanted, stranger):
    leave(follower, None)
    services.suppress(address_key=follower.address_key, reason="complained", source="feedback loop")
    with time_machine.travel(NOW + 5 * HOUR, tick=False):
        assert "It is as it was" not in stranger.post(path(wanted[0])).content.decode()
    assert following() == set()


def test_pausing_between_leaving_and_undoing_does_not_hinder(follower, news, wanted):
    make_subscription(follower, make_topic("garden"))
    services.unsubscribe(subscriber=follower, topic=None, source="unsubscribe page")
    services.set_rhythm(subscriber=follower, rhythm="weekly", source="preference page")
    services.restore(subscriber=follower, topic=None, source="undo")
    assert following() == {"news", "winter", "garden"}
