"""People are taken on: through every step that does not wait, once each, and out when there is a reason."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from campaigns.automations import effects, executor, services
from campaigns.automations.models import AutomationVersion, Enrolment, StepVisit
from campaigns.automations.types import EnrolmentState
from campaigns.delivery.models import Message
from campaigns.delivery.services import write_messages
from campaigns.delivery.types import MessageState
from personalize.core.clock import now
from segments.consent.models import Subscription, Suppression
from segments.subscribers.models import AttributeDefinition, StaticList
from tests.automations.ways import DAY, HOUR, enter, go, happens, live, mail, mails, publish, wait, way, where
from tests.factories import NOW, make_follower, make_order, make_subscriber, make_topic

pytestmark = pytest.mark.usefixtures("brand")
BRITISH = {"attr": "country", "op": "is", "value": "GB"}
ORDERED = {"event": "order_placed", "reason": "ordered"}


@pytest.fixture
def ann(db):
    return make_follower(make_topic(), "ann@post.example", first_name="Ann", country="GB")


def test_a_mail_goes_at_once_and_the_next_one_when_the_wait_is_over(ann):
    automation = live(mail("hello", "wait"), wait("wait", "tips", hours=48), mail("tips"))
    enrolment = enter(automation, ann)
    go(NOW)
    assert where(enrolment) == ("waiting", "", "wait")
    assert enrolment.due_at == NOW + 2 * DAY
    assert [message.dedupe_key for message in mails(ann)] == [f"e{enrolment.pk}"]
    go(NOW + 2 * DAY - dt.timedelta(seconds=1))
    assert len(mails(ann)) == 1
    go(NOW + 2 * DAY)
    assert where(enrolment) == ("done", "", "tips")
    assert way(enrolment) == ["hello mailed", "wait passed", "tips mailed"]
    assert [visit.message for visit in enrolment.visits.filter(outcome="mailed").order_by("pk")] == [
        message.uuid for message in mails(ann)
    ]


def test_rules_of_the_mail_may_ask_what_happened_since_what_brought_the_person_in(ann):
    enrolment = enter(live(mail("hello")), ann)
    go(NOW)
    [message] = mails(ann)
    assert message.started_at == enrolment.started_at


def test_a_second_sweep_of_the_same_moment_does_nothing(ann):
    enter(live(mail("hello", "wait"), wait("wait")), ann)
    assert go(NOW) == 1
    assert go(NOW) == 0
    assert len(mails(ann)) == 1


def test_a_branch_sends_each_person_their_way(ann):
    bob = make_follower(make_topic(), country="DE")
    asked = {"id": "asked", "type": "branch", "rule": BRITISH, "next": "here", "no": "there"}
    automation = live(asked, mail("here"), mail("there"))
    ways = [enter(automation, ann), enter(automation, bob)]
    go(NOW)
    assert [way(one) for one in ways] == [["asked yes", "here mailed"], ["asked no", "there mailed"]]


def test_a_split_sends_somebody_the_same_way_whoever_asks(ann):
    split = {"id": "split", "type": "split", "ways": [{"share": 50, "next": "one"}, {"share": 50, "next": "two"}]}
    automation = live(split, mail("one"), mail("two"))
    ways = [enter(automation, make_follower(make_topic())) for _ in range(40)]
    go(NOW)
    taken = {visit.detail["way"] for visit in StepVisit.objects.filter(step="split")}
    assert taken == {1, 2}
    for one in ways:
        assert way(one)[1].split()[0] == ("one" if one.visits.get(step="split").detail["way"] == 1 else "two")


def test_an_order_that_is_stored_ends_the_way_before_the_mail_even_when_nobody_has_processed_it_yet(ann):
    enrolment = enter(live(wait("wait", "mail"), mail("mail"), exits=[ORDERED]), ann)
    go(NOW)
    happens(ann, "order_placed", NOW + HOUR)
    go(NOW + DAY)
    assert where(enrolment) == ("exited", "ordered", "mail")
    assert enrolment.ended_at == NOW + DAY
    assert not mails()


def test_an_order_a_little_before_the_cart_counts_and_one_long_before_does_not(ann):
    bob = make_follower(make_topic())
    automation = live(mail("mail"), exits=[ORDERED])
    ways = [enter(automation, ann), enter(automation, bob)]
    happens(ann, "order_placed", NOW - dt.timedelta(minutes=14))
    happens(bob, "order_placed", NOW - dt.timedelta(minutes=16))
    go(NOW)
    assert [where(one)[:2] for one in ways] == [("exited", "ordered"), ("done", "")]


def test_an_exit_may_be_about_the_same_thing_only(ann):
    automation = live(mail("mail"), exits=[{"event": "cart_emptied", "reason": "emptied", "about": "same"}])
    ways = [enter(automation, ann, entry_key="c1"), enter(automation, ann, entry_key="c2")]
    happens(ann, "cart_emptied", NOW, "c2")
    go(NOW)
    assert [where(one)[0] for one in ways] == ["done", "exited"]


def test_leaving_withdraws_the_mail_that_has_not_left_yet(ann):
    enrolment = enter(live(mail("one", "wait"), wait("wait", "two"), mail("two"), exits=[ORDERED]), ann)
    go(NOW)
    happens(ann, "order_placed", NOW + HOUR)
    go(NOW + DAY)
    [message] = mails()
    assert where(enrolment)[0] == "exited"
    assert (message.state, message.reason) == (MessageState.SKIPPED, "left")


def test_a_rule_that_comes_true_ends_the_way_before_the_next_action(ann):
    bought = {"orders": {"metric": "count", "op": ">=", "value": 1}}
    enrolment = enter(live(wait("wait", "mail"), mail("mail"), exits=[{"rule": bought, "reason": "customer"}]), ann)
    go(NOW)
    make_order(ann, ("P1", 1, 10_000), placed_at=NOW + HOUR)
    go(NOW + DAY)
    assert where(enrolment)[:2] == ("exited", "customer")


def test_whoever_left_the_topic_or_is_barred_gets_no_further_mail(ann):
    bob, cid = make_follower(make_topic()), make_follower(make_topic())
    automation = live(wait("wait", "mail"), mail("mail"))
    ways = [enter(automation, person) for person in (ann, bob, cid)]
    go(NOW)
    Subscription.objects.filter(subscriber=bob).update(state="unsubscribed")
    Suppression.objects.create(address_key=cid.address_key, reason="manual", source="test", created_at=NOW)
    go(NOW + DAY)
    assert [where(one)[:2] for one in ways] == [("done", ""), ("exited", "no_consent"), ("exited", "suppressed")]
    assert [message.subscriber_id for message in mails()] == [ann.pk]


def test_a_mail_that_is_too_late_is_passed_over_and_the_way_goes_on(ann):
    automation = live(
        wait("wait", "mail", hours=1), mail("mail", "then", late=[6, "hours"]), wait("then", "last"), mail("last")
    )
    enrolment = enter(automation, ann)
    go(NOW)
    go(NOW + 8 * HOUR)
    assert way(enrolment) == ["wait passed", "mail skipped"]
    assert enrolment.visits.get(step="mail").detail == {"reason": "too_late"}
    assert where(enrolment) == ("waiting", "", "then")
    go(NOW + 8 * HOUR + DAY)
    assert [message.expires_at for message in mails()] == [NOW + 8 * HOUR + 2 * DAY]


def test_who_comes_late_to_a_series_of_dates_gets_no_burst(ann):
    def before(days: int, next: str) -> dict[str, Any]:
        return {"id": f"d{days}", "type": "wait_date", "field": "renewal", "offset": -days, "next": next}

    AttributeDefinition.objects.create(key="renewal", label="Renewal", type="date")
    ann.attributes = {"renewal": (NOW + 5 * DAY).date().isoformat()}
    ann.save()
    automation = live(
        before(30, "m30"),
        mail("m30", "d7"),
        before(7, "m7"),
        mail("m7", "d1"),
        before(1, "m1"),
        mail("m1"),
    )
    enrolment = enter(automation, ann)
    go(NOW)
    go(NOW + 5 * DAY)
    assert [one for one in way(enrolment) if one.startswith("m")] == ["m30 skipped", "m7 skipped", "m1 mailed"]


def test_who_waits_for_an_event_goes_on_when_it_came_and_the_other_way_when_it_did_not(ann):
    bob = make_follower(make_topic())
    step = {
        "id": "look",
        "type": "wait_for",
        "event": "product_viewed",
        "most": [2, "days"],
        "next": "came",
        "late": "not",
    }
    automation = live(step, mail("came"), mail("not"))
    ways = [enter(automation, ann), enter(automation, bob)]
    go(NOW)
    assert [where(one) for one in ways] == [("waiting", "", "look")] * 2
    happens(ann, "product_viewed", NOW + HOUR)
    Enrolment.objects.filter(subscriber=ann).update(due_at=NOW + HOUR)
    go(NOW + HOUR)
    go(NOW + 2 * DAY)
    assert [way(one) for one in ways] == [["look happened", "came mailed"], ["look timed_out", "not mailed"]]


def test_who_waits_for_a_rule_goes_on_within_a_quarter_of_an_hour_of_its_coming_true(ann):
    step = {"id": "moved", "type": "wait_for", "rule": {"attr": "country", "op": "is", "value": "DE"}}
    automation = live({**step, "most": [2, "days"], "next": "mail"}, mail("mail"))
    enrolment = enter(automation, ann)
    go(NOW)
    assert not mails()
    ann.country = "DE"
    ann.save()
    go(NOW + dt.timedelta(minutes=15))
    assert way(enrolment) == ["moved happened", "mail mailed"]


def test_a_newer_cart_takes_the_place_of_an_older_one(ann):
    automation = live(wait("wait", "mail", hours=2), mail("mail"), one_at_a_time=True)
    older = enter(automation, ann, entry_key="c1")
    newer = enter(automation, ann, NOW + HOUR, entry_key="c2")
    go(NOW + HOUR)
    go(NOW + 2 * HOUR)
    assert where(older)[:2] == ("exited", "superseded")
    assert where(newer)[:2] == ("waiting", "")
    go(NOW + 3 * HOUR)
    assert where(newer)[:2] == ("done", "")
    assert [message.dedupe_key for message in mails()] == [f"e{newer.pk}"]


def test_a_thousand_carts_of_one_person_come_to_one_mail(ann):
    automation = live(wait("wait", "mail", hours=2), mail("mail"), one_at_a_time=True)
    for number in range(60):
        enter(automation, ann, NOW + number * dt.timedelta(seconds=1), entry_key=f"c{number}")
    go(NOW + HOUR, limit=7)
    go(NOW + 4 * HOUR, limit=7)
    assert len(mails()) == 1
    assert Enrolment.objects.filter(reason="superseded").count() == 59


def test_a_mail_that_somebody_wants_to_see_first_is_held_and_nothing_is_written(ann):
    enrolment = enter(live(mail("mail", mode="review")), ann)
    go(NOW)
    assert where(enrolment) == ("held", "review", "mail")
    assert enrolment.due_at is None
    assert not mails()
    assert go(NOW + 30 * DAY) == 0


def test_a_draft_mail_is_passed_over(ann):
    enrolment = enter(live(mail("mail", "next", mode="draft"), mail("next")), ann)
    go(NOW)
    assert way(enrolment) == ["mail skipped", "next mailed"]


def test_steps_change_what_is_known_of_people(ann):
    AttributeDefinition.objects.create(key="tier", label="Tier", type="text")
    guests = StaticList.objects.create(name="Guests", created_at=NOW)
    other = make_topic("offers")
    automation = live(
        {"id": "set", "type": "set", "attribute": "tier", "value": "gold", "next": "list"},
        {"id": "list", "type": "list", "list": str(guests.uuid), "next": "topic"},
        {"id": "topic", "type": "topic", "topic": "offers", "next": "end"},
        {"id": "end", "type": "exit", "reason": "finished"},
    )
    bob = make_follower(make_topic())
    Subscription.objects.create(subscriber=bob, topic=other, state="unsubscribed", changed_at=NOW)
    ways = [enter(automation, ann), enter(automation, bob)]
    go(NOW)
    ann.refresh_from_db()
    assert ann.attributes == {"tier": "gold"}
    assert guests.members.count() == 2
    states = dict(Subscription.objects.filter(topic=other).values_list("subscriber", "state"))
    assert states == {ann.pk: "subscribed", bob.pk: "unsubscribed"}
    assert [where(one)[:2] for one in ways] == [("exited", "finished")] * 2


def test_what_a_step_needs_and_is_gone_is_passed_over_with_the_reason(ann):
    automation = live(
        {"id": "set", "type": "set", "attribute": "shoe", "value": "gold", "next": "list"},
        {"id": "list", "type": "list", "list": "00000000-0000-4000-8000-00000000000f", "next": "topic"},
        {"id": "topic", "type": "topic", "topic": "nothing", "next": "mail"},
        mail("mail"),
    )
    enrolment = enter(automation, ann)
    go(NOW)
    assert way(enrolment) == ["set skipped", "list skipped", "topic skipped", "mail mailed"]


def test_a_rule_that_names_what_is_gone_ends_those_who_come_to_it_and_nobody_else(ann):
    gone = {"id": "asked", "type": "branch", "rule": {"segment": "00000000-0000-4000-8000-00000000000f"}}
    broken = live(gone, name="Broken")
    fine = live(mail("mail"), name="Fine")
    ways = [enter(broken, ann), enter(fine, ann)]
    go(NOW)
    assert [where(one)[:2] for one in ways] == [("failed", "rule_gone"), ("done", "")]
    assert way(ways[0]) == ["asked failed"]


def test_a_version_that_cannot_be_read_fails_those_who_are_in_it_and_nobody_else(ann):
    broken, fine = live(wait("wait"), name="Broken"), live(mail("mail"), name="Fine")
    AutomationVersion.objects.filter(automation=broken).update(definition={"v": 9, "steps": []})
    ways = [enter(broken, ann), enter(fine, ann)]
    go(NOW)
    assert [where(one)[:2] for one in ways] == [("failed", "unreadable"), ("done", "")]


def test_one_person_with_whom_it_goes_wrong_fails_alone(monkeypatch):
    automation = live(mail("mail", "wait"), wait("wait"))
    people = [make_follower(make_topic()) for _ in range(20)]
    ways = [enter(automation, person) for person in people]
    poison = people[7].pk

    def write(*, mailing, messages):
        if any(message.subscriber_id == poison for message in messages):
            raise ValueError("poison")
        return write_messages(mailing=mailing, messages=messages)

    monkeypatch.setattr(effects, "write_messages", write)
    go(NOW)
    assert [where(one)[0] for one in ways] == ["failed" if person.pk == poison else "waiting" for person in people]
    assert len(mails()) == 19
    assert ways[7].visits.get().detail == {"reason": "error", "error": "ValueError: poison"}


def test_when_the_database_breaks_off_nothing_has_happened_and_the_next_sweep_does_it(ann, monkeypatch):
    enrolment = enter(live(mail("mail", "wait"), wait("wait")), ann)

    def broken(*_args: object) -> None:
        raise OperationalError("deadlock detected")

    with monkeypatch.context() as patch:
        patch.setattr(executor, "write_rows", broken)
        with pytest.raises(OperationalError):
            go(NOW)
    assert not mails()
    assert where(enrolment)[0] == EnrolmentState.ACTIVE
    go(NOW)
    assert way(enrolment) == ["mail mailed"]


def test_who_is_put_back_to_a_step_they_have_met_passes_it_and_is_not_mailed_again(ann):
    enrolment = enter(live(mail("hello", "wait"), wait("wait", "tips"), mail("tips")), ann)
    go(NOW)
    Enrolment.objects.update(step="hello", state="active", due_at=NOW + HOUR)
    go(NOW + HOUR)
    assert where(enrolment) == ("waiting", "", "wait")
    assert len(mails()) == 1


def test_off_nobody_goes_on_and_on_again_everybody_does_oldest_first(ann, maya):
    automation = live(wait("wait", "mail", hours=3), mail("mail", late=[6, "hours"]))
    bob = make_follower(make_topic())
    ways = [enter(automation, ann), enter(automation, bob, NOW + 2 * HOUR)]
    go(NOW)
    go(NOW + 2 * HOUR)
    assert services.turn_off(automation=automation, actor=maya)
    assert go(NOW + 10 * HOUR) == 0
    assert services.turn_on(automation=automation, actor=maya)
    assert go(NOW + 10 * HOUR, limit=1) == 2
    assert [way(one) for one in ways] == [["wait passed", "mail skipped"], ["wait passed", "mail mailed"]]
    assert [visit.enrolment for visit in StepVisit.objects.filter(step="mail").order_by("pk")] == ways


def test_people_stay_on_the_version_they_came_in_with(ann):
    automation = live(wait("wait", "mail"), mail("mail"))
    enrolment = enter(automation, ann)
    go(NOW)
    publish(automation, wait("wait", "other"), mail("other"))
    go(NOW + DAY)
    assert way(enrolment) == ["wait passed", "mail mailed"]


def test_who_paused_their_mails_is_not_taken_out(ann):
    Subscription.objects.update(paused_until=NOW + 3 * DAY)
    enrolment = enter(live(mail("mail")), ann)
    go(NOW)
    assert way(enrolment) == ["mail mailed"]


def test_the_number_of_statements_does_not_depend_on_the_number_of_people(ann):
    AttributeDefinition.objects.create(key="tier", label="Tier", type="text")
    automation = live(
        {"id": "asked", "type": "branch", "rule": BRITISH, "next": "set", "no": "set"},
        {"id": "set", "type": "set", "attribute": "tier", "value": "gold", "next": "mail"},
        mail("mail", "wait"),
        wait("wait"),
        exits=[ORDERED, {"rule": {"attr": "country", "op": "is", "value": "XX"}, "reason": "gone"}],
        one_at_a_time=True,
    )

    def statements(people: int) -> int:
        for _ in range(people):
            enter(automation, make_follower(make_topic(), country="GB"))
        with CaptureQueriesContext(connection) as seen:
            assert go(NOW) == 1
        return len(seen)

    assert statements(2) == statements(15)
    assert Message.objects.count() == 17


def test_the_engine_looks_for_people_before_it_sends(db):
    from personalize.core import queue

    names = list(queue._looks)
    assert names.index("automations") < names.index("delivery")


def test_somebody_without_an_address_is_nobodys_reason_to_stop(ann):
    AttributeDefinition.objects.create(key="tier", label="Tier", type="text")
    gone = make_subscriber()
    automation = live({"id": "set", "type": "set", "attribute": "tier", "value": "gold"})
    ways = [enter(automation, ann), enter(automation, gone)]
    gone.email, gone.erased_at = None, now()
    gone.save()
    go(NOW)
    assert way(ways[0]) == ["set passed"]
    assert way(ways[1]) == ["set failed"]
