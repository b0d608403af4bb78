"""Windows that are measured from an instant of each person's own, and what is refused about them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db.models import BooleanField, ExpressionWrapper, QuerySet

from campaigns.automations.models import Enrolment
from campaigns.delivery.models import Message
from campaigns.delivery.types import MessageState
from campaigns.scheduled.models import Campaign
from segments.events.models import Event
from segments.segmentation.rules.compiler import compile_rule
from segments.segmentation.rules.parse import RuleError, parse
from segments.segmentation.rules.sentence import sentence
from segments.subscribers.models import AttributeDefinition, Subscriber
from tests.factories import (
    NOW,
    make_automation,
    make_enrolment,
    make_mailing,
    make_order,
    make_product,
    make_subscriber,
    make_subscription,
    make_topic,
)

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)
SECOND = dt.timedelta(seconds=1)


def viewed(window: dict[str, Any], **body: Any) -> dict[str, Any]:
    """Looked at a product in the window."""
    return {"event": {"name": "product_viewed", "metric": "count", "op": ">=", "value": 1, **body, "window": window}}


def view(person: Subscriber, *times: dt.datetime) -> None:
    Event.objects.bulk_create(
        Event(
            subscriber=person,
            name="product_viewed",
            occurred_at=at,
            received_at=at,
            source="test",
            idempotency_key=f"{person.pk}-{at}",
        )
        for at in times
    )


def told(rule: dict[str, Any], rows: QuerySet[Any] | None = None, person: str = "") -> set[Any]:
    """The rows of which a rule is true; the same in both forms, and of everybody else its opposite is."""
    rows = Subscriber.objects.all() if rows is None else rows
    found = []
    for few in (False, True):
        condition = compile_rule(parse(rule), as_of=NOW, person=person, few=few)
        opposite = compile_rule(parse({"none": [rule]}), as_of=NOW, person=person, few=few)
        both = rows.annotate(
            told=ExpressionWrapper(condition, BooleanField()), other=ExpressionWrapper(opposite, BooleanField())
        )
        answers = {pk: (holds, other) for pk, holds, other in both.values_list("pk", "told", "other")}
        assert {(bool(holds), bool(other)) for holds, other in answers.values()} <= {(True, False), (False, True)}
        assert set(rows.filter(condition).values_list("pk", flat=True)) == {pk for pk in answers if answers[pk][0]}
        found.append({pk for pk in answers if answers[pk][0]})
    assert found[0] == found[1]
    return found[0]


def assert_measured(anchor: Any, at: dt.datetime, person: Subscriber) -> None:
    """``person``, who looked at products a second before ``at`` and then, has one of them on each side of the anchor."""
    view(person, at - SECOND, at)
    stranger = make_subscriber()
    view(stranger, at - SECOND, at)
    for way in ("since", "not_since"):
        assert told(viewed({way: anchor}, op="=", value=1)) == {person.pk}
        assert told(viewed({way: anchor}, op="<", value=2)) == {person.pk}
        assert told(viewed({way: anchor}, op="=", value=0)) == set()
    last = {"name": "product_viewed", "metric": "last", "op": "<"}
    assert told({"event": {**last, "value": at.isoformat(), "window": {"not_since": anchor}}}) == {person.pk}
    assert told({"event": {**last, "value": at.isoformat(), "window": {"since": anchor}}}) == set()


def test_since_the_last_order_that_was_not_cancelled() -> None:
    ann = make_subscriber()
    for days, status in ((9, "delivered"), (3, "placed"), (2, "cancelled"), (-1, "placed")):
        make_order(ann, ("A", 1, 10_000), placed_at=NOW - days * DAY, status=status)
    assert_measured("last_order", NOW - 3 * DAY, ann)


def test_since_the_subscription_that_stands() -> None:
    ann, bob = make_subscriber(), make_subscriber()
    make_subscription(ann, make_topic(), changed_at=NOW - 3 * DAY)
    make_subscription(ann, make_topic("gifts"), changed_at=NOW - 5 * DAY)
    make_subscription(bob, make_topic(), "unsubscribed", changed_at=NOW - 3 * DAY)
    view(bob, NOW - 2 * DAY)
    assert_measured({"topic": "news"}, NOW - 3 * DAY, ann)


def test_since_a_time_on_file_to_the_second() -> None:
    AttributeDefinition.objects.create(key="met", label="first meeting", type="datetime")
    ann = make_subscriber(attributes={"met": "2026-11-16T08:40:00+00:00"})
    for strange in ("soon", "2026-02-30T08:40:00+00:00", 7):
        view(make_subscriber(attributes={"met": strange}), NOW - DAY)
    assert_measured({"attr": "met"}, NOW - 3 * DAY, ann)


def test_what_is_no_date_is_no_anchor() -> None:
    AttributeDefinition.objects.create(key="start", label="contract start", type="date")
    for strange in ("soon", "2026-02-30", "2026-13-01", "0000-01-01", "0001-01-01", "", 7, None):
        view(make_subscriber(attributes={"start": strange}), NOW - DAY)
    late = make_subscriber(attributes={"start": "9999-12-31"})
    view(late, NOW - DAY)
    assert told(viewed({"since": {"attr": "start"}})) == set()
    assert told(viewed({"not_since": {"attr": "start"}})) == {late.pk}


def test_since_somebody_was_added() -> None:
    ann = make_subscriber(created_at=NOW - 3 * DAY)
    view(ann, NOW - 3 * DAY)
    view(make_subscriber(created_at=NOW - 3 * DAY), NOW - 3 * DAY - SECOND)
    assert told(viewed({"since": {"attr": "created_at"}})) == {ann.pk}


def sent_to(person: Subscriber, at: dt.datetime, state: MessageState = MessageState.SENT, **mailing: Any) -> Message:
    """A mail that was handed over."""
    made = make_mailing(**mailing)
    return Message.objects.create(
        uuid=made.uuid,
        mailing=made,
        subscriber=person,
        address_key=person.address_key,
        state=state,
        handed_at=at,
        created_at=at,
    )


def test_since_the_last_mail_that_went_out() -> None:
    ann = make_subscriber()
    for days, state in ((9, 3), (3, 3), (2, 4), (-1, 3)):
        sent_to(ann, NOW - days * DAY, MessageState(state))
    assert_measured("last_message", NOW - 3 * DAY, ann)


def test_since_the_last_mail_of_one_campaign() -> None:
    ann = make_subscriber()
    campaign = Campaign.objects.create(name="Longer evenings", created_at=NOW, updated_at=NOW)
    for days in (9, 3):
        sent_to(ann, NOW - days * DAY, group=campaign.uuid)
    sent_to(ann, NOW - DAY)
    assert_measured({"campaign": str(campaign.uuid)}, NOW - 3 * DAY, ann)


def test_since_the_enrolment_is_asked_of_enrolments_and_their_mails() -> None:
    mug = make_product("MUG", category="Kitchen")
    ann, automation = make_subscriber(), make_automation()
    old, new = (make_enrolment(automation, ann, started_at=NOW - days * DAY) for days in (9, 3))
    mails = {}
    for enrolment in (old, new):
        mails[enrolment] = sent_to(ann, NOW)
        Message.objects.filter(pk=mails[enrolment].pk).update(started_at=enrolment.started_at)
    plain = sent_to(ann, NOW)
    view(ann, NOW - 6 * DAY, NOW - 3 * DAY - SECOND)
    make_order(ann, (mug, 2, 10_000), ("A", 1, 50_000), placed_at=NOW - 6 * DAY)
    make_order(ann, (mug, 1, 10_000), placed_at=NOW - 2 * DAY)
    kitchen = [{"field": "category", "op": "is", "value": "kitchen"}]
    window = {"since": "enrolment"}
    for rule, expected in (
        (viewed(window), {old}),
        (viewed(window, op="=", value=2), {old}),
        (viewed(window, op="=", value=0), {new}),
        (viewed({"not_since": "enrolment"}, op="<", value=2), {old}),
        ({"orders": {"metric": "count", "op": ">=", "value": 1, "window": window}}, {old, new}),
        ({"orders": {"metric": "sum", "op": ">", "value": 2, "window": window}}, {old}),
        ({"orders": {"metric": "sum", "op": ">", "value": 2, "where": kitchen, "window": window}}, {old}),
        ({"orders": {"metric": "avg", "op": "=", "value": 1, "where": kitchen, "window": window}}, {new}),
        ({"orders": {"metric": "max", "op": ">", "value": 1, "where": kitchen, "window": window}}, {old}),
        ({"orders": {"metric": "distinct", "op": "=", "value": 2, "window": window}}, {old}),
    ):
        enrolments = Enrolment.objects.all()
        assert told(rule, enrolments, "subscriber") == {one.pk for one in expected}, rule
        messages = Message.objects.all()
        assert told(rule, messages, "subscriber") == {mails[one].pk for one in expected}, rule
        assert plain.pk not in told(rule, messages, "subscriber")
        assert told(rule) == set(), "People alone are in no automation."


@pytest.mark.parametrize(
    ("window", "path", "words"),
    [
        ({"since": "last_ordre"}, "since", "Expected one of: last_order"),
        ({"since": 7}, "since", "Expected one of: last_order"),
        ({"since": {"attr": "first_name"}}, "since.attr", "no date"),
        ({"since": {"attr": "birthday"}}, "since.attr", "no date"),
        ({"since": {"attr": "wedding"}}, "since.attr", "no field ‘wedding’"),
        ({"since": "attr"}, "since", "Which ‘attr’"),
        ({"not_since": {"topic": "knitting"}}, "not_since.topic", "no topic ‘knitting’"),
        ({"not_since": "topic"}, "not_since", "Which ‘topic’"),
        ({"since": {"last_order": "x"}}, "since.last_order", "written alone"),
        ({"since": {"enrolment": "x"}}, "since.enrolment", "written alone"),
        ({"since": {"campaign": "x"}}, "since.campaign", "Expected an id"),
        ({"since": {"campaign": "8d4c4b0e-7a43-4d43-9a4c-2b6c37a2f7a1"}}, "since.campaign", "no such campaign"),
        ({"since": "campaign"}, "since", "Which ‘campaign’"),
        ({"calendar": ["quarter", 0]}, "calendar[0]", "day, week, month, year"),
        ({"calendar": ["day", 1]}, "calendar[1]", "from -1000 to 0"),
        ({"last": [3, "days"], "zone": "person"}, "zone", "Only a calendar window"),
    ],
)
def test_a_window_that_is_not_understood_is_refused_with_its_place(window: Any, path: str, words: str) -> None:
    with pytest.raises(RuleError) as refusal:
        parse(viewed(window))
    assert refusal.value.path == f"event.window.{path}"
    assert words in refusal.value.message


def test_windows_read_as_words() -> None:
    make_topic()
    AttributeDefinition.objects.create(key="start", label="contract start", type="date")
    campaign = Campaign.objects.create(name="Longer evenings", created_at=NOW, updated_at=NOW)
    for window, words in (
        ({"since": "last_order"}, "since their last order"),
        ({"not_since": {"topic": "news"}}, "before they subscribed to News"),
        ({"since": {"attr": "start"}}, "since their contract start"),
        ({"since": {"attr": "created_at"}}, "since they were added"),
        ({"since": "last_message"}, "since the last mail to them"),
        ({"not_since": {"campaign": str(campaign.uuid)}}, "before the mail of ‘Longer evenings’ to them"),
        ({"since": "enrolment"}, "since they came into the automation"),
        ({"calendar": ["week", -1]}, "last week"),
        ({"calendar": ["month", 0], "zone": "person"}, "this month"),
    ):
        assert sentence(parse(viewed(window))) == f"People who looked at a product {words}."
