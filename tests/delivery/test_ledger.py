"""The ledger: who may be handed over, what results do, and what is known of the dead."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest

from campaigns.delivery import ledger
from campaigns.delivery.audience import materialise
from campaigns.delivery.doubt import leave_unanswered
from campaigns.delivery.ledger import Result
from campaigns.delivery.models import Batch, FrequencyCount, Mailing, Message
from campaigns.delivery.services import begin_run, close_gate, hold_gate, leave_in_doubt, open_gate, send_again
from campaigns.delivery.types import MessageState, SkipReason
from campaigns.delivery.verify import balance
from personalize.core.clock import now
from segments.consent.models import Subscription, Suppression
from segments.subscribers.models import Subscriber
from tests.factories import make_follower, make_mailing, make_subscriber, make_subscription, make_topic

pytestmark = pytest.mark.django_db
WORKER = uuid.uuid4()


@pytest.fixture
def topic(brand):
    return make_topic()


@pytest.fixture
def mailing(topic):
    return make_mailing(topic)


def draw(mailing: Mailing, people=None):
    run = begin_run(owner_kind="test", owner=mailing.owner, as_of=now())
    while materialise(
        run=run, people=Subscriber.objects.all() if people is None else people, mailing=mailing, due_at=now()
    ):
        pass
    run.refresh_from_db()
    return run


def claim_all(mailing: Mailing) -> tuple[int, list[int]]:
    return ledger.claim(mailing, WORKER, 500)


def states(mailing: Mailing) -> list[MessageState]:
    return [
        MessageState(state)
        for state in Message.objects.filter(mailing=mailing).order_by("pk").values_list("state", flat=True)
    ]


def test_everyone_in_the_audience_gets_a_row_and_those_who_may_not_be_mailed_the_reason(mailing, topic):
    make_follower(topic)
    make_subscriber()
    left = make_subscriber()
    make_subscription(left, topic, "unsubscribed")
    paused = make_subscriber()
    make_subscription(paused, topic, paused_until=now() + dt.timedelta(days=9))
    blocked = make_follower(topic)
    Suppression.objects.create(address_key=blocked.address_key, reason="bounced", source="test", created_at=now())
    over = make_follower(topic)
    Suppression.objects.create(
        address_key=over.address_key,
        reason="bounced",
        source="test",
        created_at=now(),
        until=now() - dt.timedelta(days=1),
    )
    run = draw(mailing)
    figures = balance(run)
    assert (figures.audience, figures.open, figures.skipped) == (6, 2, 4)
    assert figures.reasons == {"no_consent": 2, "paused": 1, "suppressed": 1}
    assert figures.balances


def test_drawing_an_audience_again_adds_nobody(mailing, topic):
    for _ in range(5):
        make_follower(topic)
    run = draw(mailing)
    run.state, run.cursor = "expanding", 0
    run.save()
    materialise(run=run, people=Subscriber.objects.all(), mailing=mailing, due_at=now())
    run.refresh_from_db()
    assert (run.audience, Message.objects.count()) == (5, 5)


def test_a_message_is_claimed_by_one_claimer_only(mailing, topic):
    for _ in range(3):
        make_follower(topic)
    draw(mailing)
    _, first = ledger.claim(mailing, WORKER, 2)
    _, second = ledger.claim(mailing, uuid.uuid4(), 2)
    assert len(first) == 2
    assert len(second) == 1
    assert not set(first) & set(second)


def test_what_forbids_a_mail_is_asked_again_at_the_hand_over(mailing, topic):
    people = [make_follower(topic) for _ in range(5)]
    draw(mailing)
    token, ids = claim_all(mailing)
    goes, left, blocked, erased, paused = people
    Subscription.objects.filter(subscriber=left).update(state="unsubscribed")
    Suppression.objects.create(address_key=blocked.address_key, reason="complained", source="test", created_at=now())
    Subscriber.objects.filter(pk=erased.pk).update(erased_at=now(), email=None)
    Subscription.objects.filter(subscriber=paused).update(paused_until=now() + dt.timedelta(days=1))
    handed = ledger.hand_over(mailing, token, ids, [])
    assert list(Message.objects.filter(pk__in=handed).values_list("subscriber", flat=True)) == [goes.pk]
    ledger.explain(mailing, token, [pk for pk in ids if pk not in handed])
    reasons = dict(Message.objects.exclude(pk__in=handed).values_list("subscriber", "reason"))
    assert reasons == {
        left.pk: SkipReason.NO_CONSENT,
        blocked.pk: SkipReason.SUPPRESSED,
        erased.pk: SkipReason.ERASED,
        paused.pk: SkipReason.PAUSED,
    }


def test_a_held_gate_lets_nothing_be_handed_over_and_nothing_is_lost(mailing, topic):
    make_follower(topic)
    draw(mailing)
    token, ids = claim_all(mailing)
    hold_gate(mailing=mailing)
    assert ledger.hand_over(mailing, token, ids, []) == set()
    ledger.explain(mailing, token, ids)
    assert states(mailing) == [MessageState.READY]
    assert claim_all(mailing)[1] == []
    open_gate(mailing=mailing)
    assert len(claim_all(mailing)[1]) == 1


def test_a_closed_gate_cancels_what_was_not_handed_over(mailing, topic):
    for _ in range(3):
        make_follower(topic)
    draw(mailing)
    token, ids = ledger.claim(mailing, WORKER, 2)
    [first] = ledger.hand_over(mailing, token, ids[:1], [])
    close_gate(mailing=mailing)
    assert ledger.hand_over(mailing, token, ids[1:], []) == set()
    ledger.finish(token, [Result(first, MessageState.SENT, code=250)])
    assert sorted(states(mailing)) == [MessageState.SENT, MessageState.SKIPPED, MessageState.SKIPPED]


def test_results_are_written_and_a_refusal_that_may_pass_comes_back_later(mailing, topic):
    for _ in range(3):
        make_follower(topic)
    run = draw(mailing)
    token, ids = claim_all(mailing)
    ledger.hand_over(mailing, token, ids, [])
    sent, later, failed = ids
    ledger.finish(
        token,
        [
            Result(sent, MessageState.SENT, code=250, trace={"greeting": "name"}),
            Result(later, MessageState.READY, code=451, reply="try later", wait=300, counted=True),
            Result(failed, MessageState.FAILED, code=550, reply="5.7.1 no", reason="rejected", counted=True),
        ],
    )
    rows = {row.pk: row for row in Message.objects.all()}
    assert (rows[sent].state, rows[sent].code, rows[sent].trace) == (MessageState.SENT, 250, {"greeting": "name"})
    assert rows[sent].due_at is None
    assert rows[sent].settled_at is not None
    assert (rows[later].state, rows[later].attempt, rows[later].token) == (MessageState.READY, 1, None)
    assert 290 < (rows[later].due_at - now()).total_seconds() <= 300
    assert (rows[failed].state, rows[failed].reason) == (MessageState.FAILED, "rejected")
    assert not Batch.objects.exists()
    assert balance(run).balances


def test_a_result_of_another_claim_changes_nothing(mailing, topic):
    make_follower(topic)
    draw(mailing)
    token, ids = claim_all(mailing)
    ledger.hand_over(mailing, token, ids, [])
    ledger.record(token + 1, [Result(ids[0], MessageState.SENT)])
    assert states(mailing) == [MessageState.SENDING]


def test_a_dead_sender_leaves_claimed_messages_waiting_and_sending_ones_in_doubt(mailing, topic):
    for _ in range(2):
        make_follower(topic)
    run = draw(mailing)
    token, ids = claim_all(mailing)
    ledger.hand_over(mailing, token, ids[:1], [])
    assert ledger.sweep() == ledger.Swept(0, 0)
    Batch.objects.update(lease_until=now() - dt.timedelta(seconds=1))
    assert ledger.sweep() == ledger.Swept(given_back=1, in_doubt=1)
    assert states(mailing) == [MessageState.IN_DOUBT, MessageState.READY]
    assert ledger.hand_over(mailing, token, ids[1:], []) == set(), "a sender without a lease hands nothing over"
    figures = balance(run)
    assert figures.balances
    assert (figures.in_doubt, figures.open) == (1, 1)


def test_late_evidence_settles_a_doubt_and_only_a_person_sends_again(mailing, topic, maya):
    for _ in range(3):
        make_follower(topic)
    draw(mailing)
    token, ids = claim_all(mailing)
    ledger.hand_over(mailing, token, ids, [])
    Batch.objects.update(lease_until=now() - dt.timedelta(seconds=1))
    ledger.sweep()
    ledger.record(token, [Result(ids[0], MessageState.SENT, code=250)])
    again, leave = Message.objects.get(pk=ids[1]), Message.objects.get(pk=ids[2])
    assert send_again(message=again, actor=maya, reason="The relay's log does not know it.")
    assert not send_again(message=again, actor=maya, reason="Twice")
    assert leave_in_doubt(message=leave, actor=maya, reason="Better none than two.")
    ledger.record(token, [Result(ids[1], MessageState.SENT, code=250)])
    assert states(mailing) == [MessageState.SENT, MessageState.READY, MessageState.IN_DOUBT]
    leave.refresh_from_db()
    assert leave.settled_by == "Maya"


def test_a_doubt_without_evidence_is_left_after_three_days_and_never_before(mailing, topic):
    for _ in range(2):
        make_follower(topic)
    draw(mailing)
    token, ids = claim_all(mailing)
    ledger.hand_over(mailing, token, ids, [])
    ledger.record(token, [Result(pk, MessageState.IN_DOUBT) for pk in ids])
    Message.objects.filter(pk=ids[0]).update(handed_at=now() - dt.timedelta(hours=73))
    assert leave_unanswered(at=now()) == 1
    left, fresh = Message.objects.get(pk=ids[0]), Message.objects.get(pk=ids[1])
    assert (left.state, left.settled_by) == (MessageState.IN_DOUBT, "no evidence within 72 hours")
    assert fresh.settled_at is None


def test_the_daily_cap_skips_and_a_failed_mail_gives_its_place_back(topic, settings):
    settings.DELIVERY_DAILY_CAP = 2
    person = make_follower(topic)
    outcomes = []
    for end in (MessageState.SENT, MessageState.FAILED, MessageState.SENT, MessageState.SENT):
        mailing = make_mailing(topic)
        draw(mailing)
        token, ids = claim_all(mailing)
        handed = ledger.hand_over(mailing, token, ids, [])
        ledger.finish(
            token, [Result(pk, end, reason="rejected" if end == MessageState.FAILED else "") for pk in handed]
        )
        outcomes += states(mailing)
    assert outcomes == [MessageState.SENT, MessageState.FAILED, MessageState.SENT, MessageState.SKIPPED]
    assert FrequencyCount.objects.get(subscriber=person).count == 2
    assert Message.objects.latest("pk").reason == SkipReason.CAPPED


def test_a_retry_on_the_same_day_takes_no_second_place(topic, settings):
    settings.DELIVERY_DAILY_CAP = 1
    make_follower(topic)
    mailing = make_mailing(topic)
    draw(mailing)
    for end in (MessageState.READY, MessageState.SENT):
        token, ids = claim_all(mailing)
        assert ledger.hand_over(mailing, token, ids, []) == set(ids)
        ledger.finish(token, [Result(ids[0], end)])
    assert states(mailing) == [MessageState.SENT]


def test_a_balance_that_does_not_add_up_says_what_is_wrong(mailing, topic):
    make_follower(topic)
    run = draw(mailing)
    Message.objects.all().delete()
    figures = balance(run)
    assert not figures.balances
    assert figures.faults == ("1 people were listed, 0 messages are there",)
