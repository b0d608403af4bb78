"""Whatever happens, in whatever order, and wherever a process dies: nobody meets a step twice, nobody is mailed after they
left, nobody is forgotten.

Hypothesis plays a shop: carts, orders, edits, clocks that move, processes that are killed in mid-transaction, wake-ups that
come several times. The engine is the real one, on a real database, and is told what time it is.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from collections import Counter
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from campaigns.automations import effects, ending, enrolling, executor, holding, moving
from campaigns.automations.models import Enrolment, StepVisit
from campaigns.automations.types import OPEN, EnrolmentState
from campaigns.delivery.models import Message
from campaigns.delivery.types import MessageState
from segments.consent import services as consent
from segments.events.models import Event
from segments.events.services import record_events
from segments.events.types import NewEvent
from tests.automations.ways import live, mail, publish, wait
from tests.factories import NOW, make_follower, make_topic

EXAMPLES = 200 if os.environ.get("FULL") else 12
MINUTE = dt.timedelta(minutes=1)
PARTS: dict[str, Any] = {
    "trigger": {"on": "event", "event": "cart_updated"},
    "exits": [
        {"event": "order_placed", "reason": "ordered"},
        {"event": "cart_emptied", "reason": "emptied", "about": "same"},
    ],
    "one_at_a_time": True,
}
FIRST = [
    {**wait("start", "asked", hours=2), "since": "activity", "most": [24, "hours"]},
    {
        "id": "asked",
        "type": "branch",
        "rule": {"attr": "country", "op": "is", "value": "GB"},
        "next": "one",
        "no": "seen",
    },
    mail("one", "seen", mode="review"),
    {"id": "seen", "type": "wait_for", "event": "product_viewed", "most": [1, "days"], "next": "two", "late": "split"},
    mail("two", "split", late=[2, "hours"]),
    {"id": "split", "type": "split", "ways": [{"share": 50, "next": "three"}, {"share": 50, "next": "rest"}]},
    mail("three", "rest"),
    wait("rest", "four", hours=30),
    mail("four"),
]
SECOND = [
    {**wait("start", "one", hours=1), "since": "activity", "most": [12, "hours"]},
    mail("one", "rest"),
    wait("rest", "four", hours=3),
    mail("four"),
]
PLACES = st.sampled_from([None, "write_messages", "write_visits", "write_rows", "withdraw_mails", "insert_new_rows"])
MODULES = {
    "write_messages": effects,
    "write_visits": executor,
    "write_rows": executor,
    "withdraw_mails": ending,
    "insert_new_rows": enrolling,
}
PEOPLE = st.integers(0, 2)
CARTS = st.integers(0, 3)


class Killed(BaseException):
    """The process is gone; nobody catches that."""


class Shop(RuleBasedStateMachine):
    maya: Any

    def __init__(self) -> None:
        super().__init__()
        self.whole = transaction.atomic()
        self.whole.__enter__()
        self.at = NOW
        self.people = [make_follower(make_topic(), country=country) for country in ("GB", "DE", "GB")]
        self.automation = live(*FIRST, name="Cart", **PARTS)
        self.gone: set[int] = set()
        self.told = 0

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.whole.__exit__(None, None, None)

    # --- what happens ---

    def _event(self, name: str, person: int, subject: str, back: int = 0, times: int = 1) -> None:
        self.told += 1
        at = self.at - back * MINUTE
        given = NewEvent(
            subscriber_id=self.people[person].pk,
            name=name,
            occurred_at=at,
            source="shop",
            idempotency_key=f"{name}:{subject}:{self.told}",
            subject=subject,
        )
        for _ in range(times):
            record_events(events=[given])
        Event.objects.filter(idempotency_key=given.idempotency_key).update(received_at=self.at)

    @rule(person=PEOPLE, cart=CARTS, back=st.sampled_from([0, 0, 10, 600]), times=st.integers(1, 3))
    def fills_a_cart(self, person: int, cart: int, back: int, times: int) -> None:
        self._event("cart_updated", person, f"c{person}-{cart}", back, times)

    @rule(person=PEOPLE, cart=CARTS)
    def empties_a_cart(self, person: int, cart: int) -> None:
        self._event("cart_emptied", person, f"c{person}-{cart}")

    @rule(person=PEOPLE, back=st.sampled_from([0, 0, 5, 300]))
    def orders(self, person: int, back: int) -> None:
        self._event("order_placed", person, f"o{self.told}", back)

    @rule(person=PEOPLE)
    def looks_at_something(self, person: int) -> None:
        self._event("product_viewed", person, "P1")

    @rule(person=PEOPLE, joins=st.booleans())
    def leaves_or_joins(self, person: int, joins: bool) -> None:
        act = consent.subscribe if joins else consent.unsubscribe
        act(subscriber=self.people[person], topic=make_topic(), source="test", at=self.at)

    @rule(minutes=st.sampled_from([1, 15, 60, 120, 600, 1440, 4000]))
    def time_passes(self, minutes: int) -> None:
        self.at += minutes * MINUTE

    @rule(second=st.booleans(), everybody=st.booleans())
    def somebody_edits(self, second: bool, everybody: bool) -> None:
        old = self.automation.live
        assert old is not None
        new = publish(self.automation, *(SECOND if second else FIRST), **PARTS)
        if everybody:
            moving.migrate(
                automation=self.automation,
                old=old,
                new=new,
                step_map={} if not second else {"asked": "one", "seen": "rest", "two": "rest", "split": "rest"},
                actor=self.maya,
                at=self.at,
            )

    @rule(sends=st.booleans())
    def somebody_decides_on_held_mails(self, sends: bool) -> None:
        act = holding.release if sends else holding.drop_mail
        act(enrolments=Enrolment.objects.all(), actor=self.maya)
        Enrolment.objects.filter(state=EnrolmentState.ACTIVE, due_at__gt=self.at).update(due_at=self.at)

    @rule(person=PEOPLE, cart=CARTS, sends=st.booleans())
    def a_mail_is_held_and_decided_on(self, person: int, cart: int, sends: bool) -> None:
        """A way that chance alone seldom takes: somebody comes as far as the mail that asks before it goes out."""
        self._event("cart_updated", person, f"c{person}-{cart}")
        self._look(500)
        self.at += 121 * MINUTE
        self._look(500)
        self.somebody_decides_on_held_mails(sends)
        self._look(500)

    @rule(kill=PLACES, after=st.booleans(), limit=st.sampled_from([1, 2, 500]), times=st.integers(1, 3))
    def processes_look(self, kill: str | None, after: bool, limit: int, times: int) -> None:
        """Several wake-ups, of which the first may meet its end before or after any of its writes."""
        if kill:
            with pytest.MonkeyPatch.context() as patch:
                self._trap(patch, kill, after)
                with contextlib.suppress(Killed):
                    self._look(limit)
        for _ in range(times):
            self._look(limit)
        assert not Enrolment.objects.filter(due_at__lte=self.at).exists()
        assert not Event.objects.filter(processed_at__isnull=True).exists()

    def _trap(self, patch: pytest.MonkeyPatch, name: str, after: bool) -> None:
        real = getattr(MODULES[name], name)

        def killed(*args: Any, **kwargs: Any) -> None:
            if after:
                real(*args, **kwargs)
            raise Killed

        patch.setattr(MODULES[name], name, killed)

    def _look(self, limit: int) -> None:
        known = set(Message.objects.values_list("pk", flat=True))
        for sweep in (enrolling.sweep_events, executor.sweep_due):
            turns = 0
            while sweep(self.at, limit):
                turns += 1
                assert turns < 500, "a sweep finds the same again and again"
        self._nobody_who_left_was_mailed(known)

    def _nobody_who_left_was_mailed(self, known: set[int]) -> None:
        for message in Message.objects.exclude(pk__in=known):
            enrolment = Enrolment.objects.get(pk=int(message.dedupe_key[1:]))
            orders = Event.objects.filter(
                subscriber=enrolment.subscriber_id,
                name="order_placed",
                occurred_at__gte=enrolment.started_at - 15 * MINUTE,
            )
            assert not orders.exists(), "a mail was written to somebody who had ordered"

    @rule(number=st.integers(1, 3))
    def mails_leave(self, number: int) -> None:
        waiting = Message.objects.filter(state=MessageState.READY).order_by("pk")[:number]
        Message.objects.filter(pk__in=[one.pk for one in waiting]).update(
            state=MessageState.SENT, due_at=None, handed_at=self.at
        )

    # --- what always holds ---

    @invariant()
    def every_mail_is_of_one_visit_and_every_visit_has_its_mail(self) -> None:
        visits = StepVisit.objects.filter(message__isnull=False).values_list("message", flat=True)
        assert Counter(visits) == Counter(Message.objects.values_list("uuid", flat=True))
        per_step = StepVisit.objects.filter(message__isnull=False).values_list("enrolment", "step")
        assert max(Counter(per_step).values(), default=1) == 1

    @invariant()
    def no_mail_of_somebody_who_left_can_leave(self) -> None:
        waiting = Message.objects.filter(state=MessageState.READY).values_list("dedupe_key", flat=True)
        ways = Enrolment.objects.filter(pk__in=[int(key[1:]) for key in waiting])
        assert not ways.filter(state=EnrolmentState.EXITED).exists()

    @invariant()
    def nobody_is_forgotten(self) -> None:
        for way in Enrolment.objects.filter(ended_at__isnull=True):
            waits_for_somebody = way.state == EnrolmentState.HELD and way.reason == "review"
            assert way.state in OPEN
            assert way.due_at is not None or waits_for_somebody
            assert way.step in {step["id"] for step in way.version.definition["steps"]}

    @invariant()
    def nobody_failed_and_who_ended_stays_so(self) -> None:
        ended = set(Enrolment.objects.filter(ended_at__isnull=False).values_list("pk", flat=True))
        assert self.gone <= ended
        self.gone = ended
        assert not Enrolment.objects.filter(state=EnrolmentState.FAILED).exists()


def test_nobody_meets_a_step_twice_is_mailed_after_leaving_or_is_forgotten(brand, maya):
    Shop.maya = maya
    run_state_machine_as_test(
        Shop,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
