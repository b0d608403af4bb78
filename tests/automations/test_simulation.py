"""What is simulated: figures a marketer may act on, and nothing written."""

from __future__ import annotations

import datetime as dt
import io
import json
import uuid

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from campaigns.automations.published import definition_of
from campaigns.automations.replay.asking import Asker, Question
from campaigns.automations.simulation import _reading_only, simulate
from campaigns.delivery.models import FrequencyRule, Message
from campaigns.delivery.types import MessageState
from segments.segmentation.rules.reading import RuleError
from segments.subscribers.models import Subscriber
from tests.automations.ways import DAY, HOUR, enter, happens, live, mail, wait
from tests.factories import NOW, make_follower, make_mailing, make_order, make_subscriber, make_topic

pytestmark = pytest.mark.usefixtures("brand")

BEGIN = NOW - 30 * DAY
CART = {"on": "event", "event": "cart_updated"}
ORDERED = {"event": "order_placed", "reason": "ordered"}


@pytest.fixture
def ann(db):
    return make_follower(make_topic(), "ann@post.example", time_zone="America/New_York")


def replay(automation, **more):
    given = {"since": BEGIN, "until": NOW, **more}
    return simulate(definition=definition_of(automation.live), automation=automation, **given)


def reminder(**parts):
    given = {"trigger": CART, "exits": [ORDERED], **parts}
    return live(wait("wait", "remind", hours=2), mail("remind"), **given)


def test_it_tells_who_comes_in_who_is_mailed_and_who_ordered_before_the_mail_would_have_gone(ann):
    bob = make_follower(make_topic())
    automation = reminder()
    for person, key in ((ann, "C1"), (bob, "C2")):
        happens(person, "cart_updated", NOW - 5 * DAY, key)
    happens(bob, "order_placed", NOW - 5 * DAY + HOUR, "O1")
    report = replay(automation)
    [figures] = report.mails
    assert (report.entered, report.people, report.done, report.still) == (2, 2, 1, 0)
    assert report.exits == {"ordered": 1}
    assert (figures.mailed, figures.ordered_first) == (1, 1)
    # 08:40 UTC and two hours are 05:40 in New York.
    assert report.hours[5] == 1
    assert sum(day.mailed for day in report.days) == 1


def test_whoever_may_not_come_in_is_counted_by_the_reason(ann):
    stranger = make_subscriber("stranger@post.example")
    automation = reminder(entry={"rule": {"attr": "country", "op": "is", "value": "GB"}})
    happens(ann, "cart_updated", NOW - 5 * DAY, "C1")
    happens(stranger, "cart_updated", NOW - 5 * DAY, "C2")
    happens(ann, "cart_updated", NOW - 4 * DAY, "C3", properties={}).delete()
    assert replay(automation).left_out == {"no_consent": 1, "rule": 1}


def test_history_that_was_imported_is_taken_to_have_been_heard_when_it_happened(ann):
    automation = reminder()
    event = happens(ann, "cart_updated", NOW - 20 * DAY, "C1")
    type(event).objects.update(historic=True, processed_at=NOW, received_at=NOW - DAY)
    report = replay(automation)
    assert report.mails[0].mailed == 1
    assert any("history" in note for note in report.notes)


def test_a_limit_holds_back_what_is_too_much_and_a_window_moves_the_hour(ann):
    FrequencyRule.objects.create(name="One a day", most=1, window="rolling", count=1, unit="day", created_at=NOW)
    automation = live(
        mail("first", "second", window={"from": "09:00", "to": "17:00"}),
        mail("second", window={"from": "09:00", "to": "17:00"}),
        trigger=CART,
    )
    happens(ann, "cart_updated", NOW - 5 * DAY, "C1")
    report = replay(automation)
    assert [(one.mailed, dict(one.skipped)) for one in report.mails] == [(1, {}), (0, {"capped": 1})]
    assert report.capped == 1
    assert report.hours[9] == 1


def test_leaving_takes_back_a_mail_that_waits_for_its_window(ann):
    automation = live(
        mail("late", "rest", window={"from": "09:00", "to": "17:00"}), wait("rest"), trigger=CART, exits=[ORDERED]
    )
    happens(ann, "cart_updated", NOW - 5 * DAY, "C1")
    happens(ann, "order_placed", NOW - 5 * DAY + HOUR, "O1")
    report = replay(automation)
    assert [(one.mailed, dict(one.skipped)) for one in report.mails] == [(0, {"left": 1})]


def test_mails_that_come_within_a_day_of_others_are_named(ann):
    automation = reminder()
    happens(ann, "cart_updated", NOW - 5 * DAY, "C1")
    letter = make_mailing(make_topic(), name="Autumn letter")
    Message.objects.create(
        uuid=uuid.uuid4(),
        mailing=letter,
        subscriber=ann,
        address_key=ann.address_key,
        state=MessageState.SENT,
        created_at=NOW - 5 * DAY,
        handed_at=NOW - 5 * DAY,
        settled_at=NOW - 5 * DAY,
    )
    report = replay(automation)
    assert report.others == {"Autumn letter": 1}
    assert report.mails[0].near_others == 1


def test_a_branch_asks_what_stood_in_the_event(ann):
    rule = {"trigger": "total", "op": ">", "value": 80}
    automation = live(
        {"id": "worth", "type": "branch", "rule": rule, "next": "much", "no": "little"},
        mail("much"),
        mail("little"),
        trigger=CART,
    )
    happens(ann, "cart_updated", NOW - 5 * DAY, "C1", amount=900_000)
    happens(ann, "cart_updated", NOW - 4 * DAY, "C2", amount=700_000)
    assert [one.mailed for one in replay(automation).mails] == [1, 1]


def test_whoever_was_really_put_in_by_hand_comes_in(ann):
    automation = live(mail("hello"))
    enter(automation, ann, at=NOW - 3 * DAY)
    report = replay(automation)
    assert (report.entered, report.mails[0].mailed) == (1, 1)


def test_one_person_is_told_step_by_step(ann):
    happens(ann, "cart_updated", NOW - 5 * DAY, "C1")
    report = replay(reminder(), people=Subscriber.objects.filter(pk=ann.pk), follow=ann.pk)
    start = NOW - 5 * DAY
    assert [(one.at - start, one.kind, one.step, one.what) for one in report.told] == [
        (dt.timedelta(), "entered", "wait", ""),
        (2 * HOUR, "step", "wait", "passed"),
        (2 * HOUR, "step", "remind", "mailed"),
        (2 * HOUR, "ended", "remind", ""),
        (2 * HOUR, "mail", "remind", "sent"),
    ]


def test_many_questions_are_asked_with_few_statements_and_each_is_answered_for_its_instant(db):
    people = [make_subscriber() for _ in range(40)]
    minute = dt.timedelta(minutes=1)
    for person in people[:20]:
        make_order(person, ("P1", 1, 10_000), placed_at=NOW - DAY)
    make_order(people[30], ("P1", 1, 10_000), placed_at=NOW + 5 * minute)
    rule = {"orders": {"metric": "count", "op": ">=", "value": 1}}
    questions = [
        Question(rule, NOW + number % 15 * minute, person.pk, {"n": number}) for number, person in enumerate(people)
    ]
    # The order came five minutes after the question of the thirtieth, which was asked at once.
    with CaptureQueriesContext(
        connection,
    ) as asked:
        found = Asker().answers(questions, NOW, NOW + 15 * minute)
    assert found == [number < 20 for number in range(40)]
    asked_rules = [query for query in asked.captured_queries if "automations_enrolment" in query["sql"]]
    assert len(asked_rules) == 3


def test_a_rule_may_ask_what_happened_since_they_came_in(ann):
    make_order(ann, ("P1", 1, 10_000), placed_at=NOW - 2 * HOUR)
    rule = {"orders": {"metric": "count", "op": ">=", "value": 1, "window": {"since": "enrolment"}}}
    came_in = [NOW - 3 * HOUR, NOW - HOUR, None]
    questions = [Question(rule, NOW, ann.pk, {}, started_at) for started_at in came_in]
    assert Asker().answers(questions, NOW, NOW) == [True, False, False]


def test_the_database_refuses_whatever_a_simulation_would_write(ann):
    with pytest.raises(DatabaseError), _reading_only():
        Subscriber.objects.filter(pk=ann.pk).update(first_name="Bea")


def test_nothing_is_written(ann):
    automation = reminder()
    happens(ann, "cart_updated", NOW - 5 * DAY, "C1")
    before = {model: model._default_manager.count() for model in apps.get_models()}
    assert replay(automation).mailed == 1
    assert {model: model._default_manager.count() for model in apps.get_models()} == before


def test_the_number_of_statements_does_not_grow_with_the_people(db):
    automation = reminder()

    def statements() -> int:
        with CaptureQueriesContext(connection) as asked:
            replay(automation)
        return len(asked)

    for number in range(3):
        happens(make_follower(make_topic()), "cart_updated", NOW - 5 * DAY, f"C{number}")
    few = statements()
    for number in range(30):
        happens(make_follower(make_topic()), "cart_updated", NOW - 5 * DAY, f"D{number}")
    assert statements() == few


def test_a_rule_that_names_what_is_gone_is_refused(ann):
    automation = reminder(entry={"rule": {"attr": "gone_long_ago", "op": "is", "value": "x"}})
    happens(ann, "cart_updated", NOW - 5 * DAY, "C1")
    with pytest.raises(RuleError):
        replay(automation)


# --- the command --------------------------------------------------------------------------------------------------------


def command(*words: str) -> str:
    out = io.StringIO()
    call_command("simulate_automation", *words, stdout=out)
    return out.getvalue()


SPAN = ("--since", BEGIN.isoformat(), "--until", NOW.isoformat())


def test_the_command_tells_figures_as_json_and_a_person_step_by_step(ann):
    reminder(name="Cart")
    happens(ann, "cart_updated", NOW - 5 * DAY, "C1")
    facts = json.loads(command("Cart", *SPAN, "--json"))
    assert (facts["entered"], facts["mailed"]) == (1, 1)
    words = command("Cart", *SPAN, "--version", "1", "--person", "ann@post.example")
    assert "2026-11-14 10:40:00  step      remind         mailed" in words


def test_the_command_says_what_it_cannot_do(ann):
    reminder(name="Cart")
    with pytest.raises(SystemExit) as nobody:
        command("Cart", *SPAN)
    assert nobody.value.code == 1
    for words, problem in (
        (("Cart", "--version", "7"), "There is no version 7"),
        (("Cart", "--version", "newest"), "--version is the number"),
        (("Cart", "--since", "2026-01-02", "--until", "2026-01-01"), "end before it begins"),
        (("Cart", "--person", "nobody@post.example"), "There is nobody"),
        (("Cart", "--since", "soon"), "--since"),
    ):
        with pytest.raises(CommandError, match=problem):
            command(*words)
