"""Rules about the mails a person got: what counts as sent, whose mails, and when it happened to them."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest

from campaigns.delivery.limits import HOLDS_A_PLACE
from campaigns.delivery.message_rules import COLUMNS, WENT_OUT
from campaigns.delivery.types import MessageState
from campaigns.scheduled.models import Campaign
from segments.segmentation import services
from segments.segmentation.rules.kinds import Scope
from segments.segmentation.rules.parse import RuleError, parse
from segments.segmentation.rules.sentence import sentence
from segments.segmentation.rules.witnesses import witness
from segments.subscribers.models import Subscriber
from tests.factories import NOW, make_automation, make_mailing, make_subscriber, make_topic
from tests.segmentation.doings import make_message

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)
MONTH = {"last": [30, "days"]}


def messages(what: str, op: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"messages": {"what": what, "op": op, "value": value, **more}}


def of(field: str, value: Any) -> list[dict[str, Any]]:
    return [{"field": field, "op": "is", "value": str(value)}]


def found(rule: dict[str, Any], as_of: dt.datetime = NOW) -> set[Subscriber]:
    return set(services.audience(rule=rule, as_of=as_of))


def test_who_clicked_in_no_mail_includes_people_who_never_got_one() -> None:
    lately, long_ago, stranger = (make_subscriber() for _ in range(3))
    mailing = make_mailing()
    make_message(lately, mailing, clicked_at=NOW - DAY)
    make_message(long_ago, mailing, clicked_at=NOW - 200 * DAY)
    window = {"last": [180, "days"]}
    assert found(messages("clicked", "=", 0, window=window)) == {long_ago, stranger}
    assert found(messages("clicked", ">=", 1, window=window)) == {lately}
    assert found({"none": [messages("clicked", ">", 0)]}) == {stranger}


def test_mails_are_counted() -> None:
    once, thrice, stranger = (make_subscriber() for _ in range(3))
    for person, days in ((once, 1), (once, 40), (thrice, 1), (thrice, 2), (thrice, 3)):
        make_message(person, make_mailing(), handed_at=NOW - days * DAY)
    assert found(messages("sent", ">=", 2)) == {once, thrice}
    assert found(messages("sent", ">=", 2, window=MONTH)) == {thrice}
    assert found(messages("sent", "<", 2, window=MONTH)) == {once, stranger}
    assert found(messages("sent", "!=", 3)) == {once, stranger}
    assert found(messages("sent", "between", [1, 2], window=MONTH)) == {once}


@pytest.mark.parametrize("state", MessageState)
def test_a_mail_was_sent_when_it_left_or_may_have_left(state: MessageState) -> None:
    ann = make_subscriber()
    make_message(ann, make_mailing(), state=state, handed_at=NOW - DAY, reason="capped")
    assert bool(found(messages("sent", ">=", 1))) is (state in (MessageState.SENT, MessageState.IN_DOUBT))
    # What is just going out holds a place under the limits already, but was not sent yet.
    assert {*WENT_OUT, MessageState.SENDING} == set(HOLDS_A_PLACE)


@pytest.mark.parametrize("what", COLUMNS)
def test_each_thing_that_becomes_of_a_mail_has_its_own_instant(what: str) -> None:
    ann, bob = make_subscriber(), make_subscriber()
    make_message(ann, make_mailing(), **{COLUMNS[what]: NOW - DAY})
    make_message(bob, make_mailing(), **{column: NOW - DAY for other, column in COLUMNS.items() if other != what})
    assert found(messages(what, ">=", 1)) == {ann}
    assert found(messages(what, ">=", 1), as_of=NOW - DAY) == set()
    assert found(messages(what, ">=", 1), as_of=NOW - DAY + dt.timedelta(microseconds=1)) == {ann}


def test_only_the_mails_of_a_topic_a_campaign_or_an_automation_count() -> None:
    ann, bob, cem = (make_subscriber() for _ in range(3))
    offers = make_topic("offers")
    campaign = Campaign.objects.create(name="Winter tables", created_at=NOW, updated_at=NOW)
    welcome = make_automation("Welcome")
    make_message(ann, make_mailing(offers), handed_at=NOW - DAY)
    make_message(bob, make_mailing(group=campaign.uuid), handed_at=NOW - DAY)
    make_message(cem, make_mailing(group=welcome.uuid), handed_at=NOW - DAY)
    assert found(messages("sent", ">=", 1, where=of("topic", "offers"))) == {ann}
    assert found(messages("sent", ">=", 1, where=of("campaign", campaign.uuid))) == {bob}
    assert found(messages("sent", "=", 1, where=of("automation", welcome.uuid))) == {cem}
    assert found(messages("sent", "=", 0, where=of("topic", "news"))) == {ann}
    both = of("topic", "news") + of("campaign", campaign.uuid)
    assert found(messages("sent", ">=", 1, where=both)) == {bob}


@pytest.mark.parametrize(
    ("body", "path", "words"),
    [
        ([], "messages", "object with keys"),
        ({"what": "sent", "op": ">="}, "messages", "‘value’ is missing"),
        ({"what": "lost", "op": ">=", "value": 1}, "messages.what", "sent, delivered, opened"),
        ({"what": ["sent"], "op": ">=", "value": 1}, "messages.what", "Expected one of"),
        ({"what": "sent", "op": "is", "value": 1}, "messages.op", "Expected one of"),
        ({"what": "sent", "op": ">=", "value": -1}, "messages.value", "from 0 to"),
        ({"what": "sent", "op": ">=", "value": 1.5}, "messages.value", "whole number"),
        ({"what": "sent", "op": ">=", "value": 10**30}, "messages.value", "from 0 to"),
        ({"what": "sent", "op": ">=", "value": float("nan")}, "messages.value", "whole number"),
        ({"what": "sent", "op": "between", "value": [2, 1]}, "messages.value", "above the second"),
        ({"what": "sent", "op": "between", "value": [2]}, "messages.value", "Expected 2 values"),
        ({"what": "sent", "op": ">=", "value": 1, "where": {}}, "messages.where", "Expected a list"),
        ({"what": "sent", "op": ">=", "value": 1, "where": of("sender", "x")}, "messages.where[0].field", "topic"),
        (
            {"what": "sent", "op": ">=", "value": 1, "where": of("topic", "knitting")},
            "messages.where[0].value",
            "no topic ‘knitting’",
        ),
        (
            {"what": "sent", "op": ">=", "value": 1, "where": of("campaign", "Winter tables")},
            "messages.where[0].value",
            "Expected an id",
        ),
        (
            {"what": "sent", "op": ">=", "value": 1, "where": of("campaign", uuid.UUID(int=4))},
            "messages.where[0].value",
            "no such campaign",
        ),
        (
            {"what": "sent", "op": ">=", "value": 1, "where": of("automation", uuid.UUID(int=4))},
            "messages.where[0].value",
            "no such automation",
        ),
        ({"what": "sent", "op": ">=", "value": 1, "sum": 1}, "messages.sum", "not known here"),
        ({"what": "sent", "op": ">=", "value": 1, "window": []}, "messages.window", "object with keys"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(body: Any, path: str, words: str) -> None:
    with pytest.raises(RuleError) as refusal:
        parse({"messages": body})
    assert (refusal.value.path, words in refusal.value.message) == (path, True), str(refusal.value)


def test_an_automation_is_no_campaign() -> None:
    with pytest.raises(RuleError, match="no such campaign"):
        parse(messages("sent", ">=", 1, where=of("campaign", make_automation().uuid)))


def test_rules_about_mails_read_as_sentences() -> None:
    make_topic()
    campaign = Campaign.objects.create(name="Winter tables", created_at=NOW, updated_at=NOW)
    spoken = {
        "who clicked in no mail in the last 180 days": messages("clicked", "=", 0, window={"last": [180, "days"]}),
        "who were sent at least 3 mails of the topic News in the last 30 days": messages(
            "sent", ">=", 3, where=of("topic", "news"), window=MONTH
        ),
        "who opened a mail of the campaign ‘Winter tables’": messages(
            "opened", ">", 0, where=of("campaign", campaign.uuid)
        ),
        "who received between 2 and 4 mails": messages("delivered", "between", [2, 4]),
        "who had no mail bounce": messages("bounced", "<=", 0),
        "who marked fewer than 2 mails as spam": messages("complained", "<", 2),
        "who unsubscribed from exactly 1 mail": messages("unsubscribed", "=", 1),
        "who were sent any number but 3 of mails": messages("sent", "!=", 3),
    }
    for clause, rule in spoken.items():
        assert sentence(parse(rule)) == f"People {clause}."


def test_the_latest_of_the_mails_that_count_is_the_fact_behind_the_answer() -> None:
    person, stranger = make_subscriber(), make_subscriber()
    for days in (1, 2, 40):
        make_message(person, make_mailing(name=f"Mail {days}"), clicked_at=NOW - days * DAY)
    rule = parse(messages("clicked", ">=", 2, window=MONTH))
    assert witness(rule, person=person.pk, scope=Scope(NOW)) == "2 times; last ‘Mail 1’ on 18 November 2026"
    assert witness(rule, person=stranger.pk, scope=Scope(NOW)) == "Never in the last 30 days"
