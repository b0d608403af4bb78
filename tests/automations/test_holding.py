"""Held mails are released or dropped, and people are put elsewhere on their way."""

from __future__ import annotations

import datetime as dt

import pytest

from campaigns.automations import guard, holding, moving
from campaigns.automations.models import Enrolment
from personalize.accounts.models import AuditEntry
from personalize.core.clock import now
from tests.automations.ways import DAY, HOUR, enter, go, happens, live, mail, mails, publish, wait, way, where
from tests.factories import NOW, make_follower, make_topic

pytestmark = pytest.mark.usefixtures("brand")
ORDERED = {"event": "order_placed", "reason": "ordered"}


@pytest.fixture
def ann(db):
    return make_follower(make_topic(), "ann@post.example", first_name="Ann", country="GB")


def soon() -> dt.datetime:
    return now() + dt.timedelta(seconds=1)


def test_a_released_mail_is_written_and_the_way_goes_on(ann, maya):
    bob = make_follower(make_topic())
    automation = live(mail("mail", "wait", mode="review"), wait("wait"))
    ways = [enter(automation, ann), enter(automation, bob)]
    go(NOW)
    assert holding.release(enrolments=Enrolment.objects.filter(subscriber=ann), actor=maya) == 1
    assert holding.release(enrolments=Enrolment.objects.filter(subscriber=ann), actor=maya) == 0
    go(soon())
    assert [way(one) for one in ways] == [["mail mailed"], []]
    assert where(ways[0])[:2] == ("waiting", "")
    assert AuditEntry.objects.filter(action="automation.run").count() == 1


def test_a_dropped_mail_is_not_written_and_the_way_goes_on(ann, maya):
    enrolment = enter(live(mail("mail", "wait", mode="review"), wait("wait"), exits=[ORDERED]), ann)
    go(NOW)
    assert holding.drop_mail(enrolments=Enrolment.objects.all(), actor=maya) == 1
    go(soon())
    assert way(enrolment) == ["mail skipped"]
    assert enrolment.visits.get().detail == {"reason": "not_sent"}
    assert where(enrolment) == ("waiting", "", "wait")
    assert not mails()


def test_whoever_ordered_while_their_mail_was_held_does_not_get_it_when_it_is_released(ann, maya):
    enrolment = enter(live(mail("mail", mode="review"), exits=[ORDERED]), ann)
    go(NOW)
    happens(ann, "order_placed", NOW + HOUR)
    holding.release(enrolments=Enrolment.objects.all(), actor=maya)
    go(soon())
    assert where(enrolment)[:2] == ("exited", "ordered")
    assert not mails()


def test_while_the_news_are_late_mails_of_a_guarded_automation_are_held_and_then_too_late(ann, monkeypatch):
    bob = make_follower(make_topic())
    automation = live(wait("wait", "mail", hours=2), mail("mail", late=[3, "hours"]), guarded=True)
    first, second = enter(automation, ann), enter(automation, bob, NOW + 3 * HOUR)
    go(NOW)
    with monkeypatch.context() as patch:
        patch.setattr(guard, "is_stale", lambda definition, at: True)
        go(NOW + 2 * HOUR)
        assert where(first) == ("held", "stale", "mail")
        assert first.due_at == NOW + 2 * HOUR + dt.timedelta(minutes=15)
        go(NOW + 3 * HOUR)
        assert where(first) == ("held", "stale", "mail")
        go(NOW + 5 * HOUR)
        go(NOW + 5.5 * HOUR)
    go(NOW + 6 * HOUR)
    assert way(first) == ["wait passed", "mail skipped"]
    assert first.visits.get(step="mail").detail == {"reason": "too_late"}
    assert way(second) == ["wait passed", "mail mailed"]


def test_somebody_is_put_to_another_step_and_what_they_had_is_not_repeated(ann, maya):
    enrolment = enter(live(mail("one", "wait"), wait("wait", "two"), mail("two", "last"), wait("last")), ann)
    go(NOW)
    assert moving.move_enrolment(enrolment=enrolment, step="two", actor=maya)
    go(soon())
    assert way(enrolment) == ["one mailed", "two mailed"]
    assert moving.move_enrolment(enrolment=enrolment, step="one", actor=maya)
    go(soon())
    assert len(mails()) == 2
    assert where(enrolment)[::2] == ("waiting", "wait")


def test_nobody_whose_way_has_ended_is_put_anywhere(ann, maya):
    enrolment = enter(live(mail("one")), ann)
    go(NOW)
    assert not moving.move_enrolment(enrolment=enrolment, step="one", actor=maya)
    assert where(enrolment)[0] == "done"
    with pytest.raises(ValueError, match="no step"):
        moving.move_enrolment(enrolment=enrolment, step="nowhere", actor=maya)


def test_people_are_moved_to_a_new_version_as_the_preview_said(ann, maya):
    bob = make_follower(make_topic())
    automation = live(wait("first", "one", hours=240), mail("one", "second"), wait("second", "two"), mail("two"))
    old = automation.live
    early = enter(automation, ann)
    go(NOW)
    later = enter(automation, bob, step="second")
    go(NOW)
    new = publish(automation, wait("first", "hello", hours=72), mail("hello", "rest"), wait("rest", "two"), mail("two"))
    preview = moving.preview_migration(old=old, new=new, step_map={})
    assert [(one.step, one.to, one.people) for one in preview] == [("first", "first", 1), ("second", None, 1)]
    said = {"step_map": {"second": "rest"}, "old": old, "new": new}
    assert [(one.step, one.to, one.waits_on) for one in moving.preview_migration(**said)] == [
        ("first", "first", True),
        ("second", "rest", True),
    ]
    assert moving.migrate(automation=automation, actor=maya, at=NOW + HOUR, **said) == 2
    go(NOW + HOUR)
    assert where(early) == ("waiting", "", "first")
    assert early.due_at == NOW + 3 * DAY
    go(NOW + DAY)
    go(NOW + 3 * DAY)
    assert way(early) == ["first passed", "hello mailed"]
    assert way(later) == ["rest passed", "two mailed"]


def test_a_map_to_a_step_that_is_not_there_moves_nobody(ann, maya):
    automation = live(wait("first"))
    old = automation.live
    enter(automation, ann)
    new = publish(automation, wait("other"))
    with pytest.raises(ValueError, match="no step"):
        moving.migrate(automation=automation, old=old, new=new, step_map={"first": "gone"}, actor=maya)
    assert Enrolment.objects.get().version == old
