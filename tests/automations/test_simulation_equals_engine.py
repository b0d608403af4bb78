"""The simulation and the engine are held against each other: the same month of events, lived through and then replayed."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from campaigns.automations import calendar, enrolling
from campaigns.automations.models import Automation, Enrolment, LeftOut, StepVisit
from campaigns.automations.published import definition_of
from campaigns.automations.replay.report import Report
from campaigns.automations.simulation import simulate
from campaigns.delivery.models import Message
from personalize.core.localtime import instant, zone
from segments.commerce.models import Order
from segments.events.models import Event
from segments.subscribers.models import Subscriber
from tests.automations.ways import go, live, mail, wait
from tests.factories import NOW, make_follower, make_order, make_subscriber, make_topic

pytestmark = pytest.mark.usefixtures("brand")

MINUTE = dt.timedelta(minutes=1)
DAYS = 12
BEGIN = NOW - dt.timedelta(days=DAYS)
FOREVER = NOW + dt.timedelta(days=60)
ZONES = ("Europe/London", "America/New_York", "Pacific/Auckland", "")


@dataclass(frozen=True)
class Happening:
    """Something a person does, and when we hear of it."""

    person: Subscriber
    name: str
    subject: str
    at: dt.datetime
    heard: dt.datetime
    properties: dict[str, Any] = field(default_factory=dict)


def ordered(op: str, value: int) -> dict[str, Any]:
    return {"orders": {"metric": "count", "op": op, "value": value}}


def branch(id: str, rule: dict[str, Any], yes: str, no: str) -> dict[str, Any]:
    return {"id": id, "type": "branch", "rule": rule, "next": yes, "no": no}


CART = {
    "trigger": {"on": "event", "event": ["cart_updated", "checkout_started"], "late": [3, "hours"]},
    "entry": {"no_order_since": [15, "minutes"], "cooldown": [2, "days"], "rule": {"none": [ordered(">=", 6)]}},
    "exits": [
        {"event": "order_placed", "about": "same", "reason": "ordered"},
        {"event": "cart_emptied", "about": "same", "reason": "emptied"},
        {"rule": ordered(">=", 5), "reason": "regular"},
    ],
    "one_at_a_time": True,
    "steps": (
        wait("settle", "known", hours=2, since="activity", most=[5, "hours"]),
        branch("known", ordered(">=", 1), "again", "first"),
        mail("again", "click"),
        mail("first", "click"),
        {
            "id": "click",
            "type": "wait_for",
            "event": "email_clicked",
            "most": [1, "days"],
            "next": "loud",
            "late": "morning",
        },
        branch("loud", {"trigger": "data.level", "op": ">", "value": 2}, "morning", "end"),
        {"id": "morning", "type": "wait_time", "at": "09:30", "days": [1, 2, 3, 4, 5], "next": "last"},
        mail("last", "buys"),
        {"id": "buys", "type": "wait_for", "rule": ordered(">=", 3), "most": [5, "hours"], "next": "end", "late": ""},
        {"id": "end", "type": "exit", "reason": "satisfied"},
    ),
}
ONE_BY_ONE = {
    "trigger": {"on": "event", "event": "wish_list_shared", "key": "person"},
    "entry": {"again": "after_exit", "cooldown": [1, "days"], "cooldown_from": "exit"},
    "exits": [{"event": "order_placed", "reason": "ordered", "back": [2, "hours"]}],
    "steps": (
        branch("loud", {"trigger": "data.level", "op": ">=", "value": 2}, "wait", "mail"),
        {
            "id": "wait",
            "type": "wait_for",
            "event": "cart_updated",
            "most": [8, "hours"],
            "next": "mail",
            "late": "mail",
        },
        mail("mail", "rest"),
        wait("rest", hours=30),
    ),
}
BIRTHDAY = {
    "trigger": {"on": "date", "field": "birthday", "offset": -2, "at": "08:00"},
    "exits": [{"event": "order_placed", "reason": "ordered"}],
    "steps": (
        mail("soon", "day"),
        {"id": "day", "type": "wait_date", "field": "birthday", "at": "10:00", "next": "today"},
        mail("today"),
    ),
}


def a_month(rng: random.Random, people: Sequence[Subscriber], number: int) -> list[Happening]:
    """Events of some people in any order, some of them told late, some at the same instant."""
    names = ["cart_updated"] * 6 + ["checkout_started", "cart_emptied", "order_placed", "email_clicked"] * 2
    found: list[Happening] = []
    for _ in range(number):
        at = BEGIN + dt.timedelta(minutes=rng.randrange(1, DAYS * 24 * 12) * 5)
        if found and rng.random() < 0.5:
            # Close to something else, so that it matters which came first.
            at = rng.choice(found).at + rng.choice((-20, -5, 0, 5, 45, 90, 119, 120, 240)) * MINUTE
        at = max(at, BEGIN + MINUTE)
        late = rng.choice((0, 0, 0, 0, 0, 3, 50, 240)) * MINUTE
        name = rng.choice([*names, *["wish_list_shared"] * 6])
        subject = rng.choice(("A", "B")) if name.startswith(("cart", "checkout")) else f"n{rng.randrange(10**6)}"
        properties: dict[str, Any] = {"level": rng.randrange(5)}
        if name == "order_placed" and rng.random() < 0.5:
            properties["cart"] = rng.choice(("A", "B"))
        found.append(Happening(rng.choice(people), name, subject, at, at + late, properties))
    return sorted(found, key=lambda one: (one.heard, one.at))


def live_through(automation: Automation, happenings: Sequence[Happening], until: dt.datetime) -> None:
    """Let the real engine hear everything when it comes, and look whenever anybody is due."""
    coming = list(happenings)
    strikes = mornings() if automation.draft["trigger"]["on"] == "date" else []
    while True:
        due = Enrolment.objects.filter(due_at__isnull=False).order_by("due_at").values_list("due_at", flat=True).first()
        instants = [coming[0].heard] if coming else []
        instants += [due] if due else []
        instants += strikes[:1]
        if not instants or (at := min(instants)) >= until:
            return
        while coming and coming[0].heard == at:
            hear(coming.pop(0))
        strikes_at = at in strikes
        strikes = [strike for strike in strikes if strike > at]
        while enrolling.sweep_events(at):
            pass
        if strikes_at:
            calendar.sweep_calendar(at)
        go(at)


def mornings() -> list[dt.datetime]:
    """When it is eight where somebody of them lives."""
    days = [BEGIN.date() + dt.timedelta(days=number) for number in range(1, DAYS)]
    return sorted({instant(day, dt.time(8), zone(name, "Europe/London")) for day in days for name in ZONES})


def hear(one: Happening) -> None:
    if one.name == "order_placed":
        make_order(one.person, ("P1", 1, 10_000), placed_at=one.at, number=one.subject, source="shop")
    Event.objects.create(
        subscriber=one.person,
        name=one.name,
        subject=one.subject,
        occurred_at=one.at,
        received_at=one.heard,
        source="shop",
        idempotency_key=f"{one.name}:{one.subject}:{one.at}:{Event.objects.count()}",
        properties=one.properties,
    )


def replay(automation: Automation, **more: Any) -> Report:
    assert automation.live is not None
    return simulate(
        definition=definition_of(automation.live), automation=automation, since=BEGIN, until=FOREVER, **more
    )


def what_engine_did(person: Subscriber) -> list[tuple[Any, ...]]:
    visits = StepVisit.objects.filter(enrolment__subscriber=person)
    ended = Enrolment.objects.filter(subscriber=person, ended_at__isnull=False)
    entered = Enrolment.objects.filter(subscriber=person)
    return sorted(
        [(at, "step", step, outcome) for at, step, outcome in visits.values_list("at", "step", "outcome")]
        + [(at, "ended", step, reason) for at, step, reason in ended.values_list("ended_at", "step", "reason")]
        + [(at, "entered", "", "") for at in entered.values_list("created_at", flat=True)]
    )


def what_is_told(report: Report) -> list[tuple[Any, ...]]:
    return sorted(
        (one.at, one.kind, "" if one.kind == "entered" else one.step, one.what)
        for one in report.told
        if one.kind in ("step", "ended", "entered")
    )


@pytest.fixture
def people(db: None) -> list[Subscriber]:
    topic = make_topic()
    found = [
        make_follower(
            topic, f"person{number}@post.example", time_zone=ZONES[number % 4], birth_month=11, birth_day=9 + 2 * number
        )
        for number in range(5)
    ]
    return [*found, make_subscriber("stranger@post.example")]


@pytest.mark.parametrize(
    ("kind", "seed"),
    [(CART, 1), (CART, 2), (CART, 3), (ONE_BY_ONE, 4), (ONE_BY_ONE, 5), (BIRTHDAY, 6)],
    ids=["cart-1", "cart-2", "cart-3", "one-by-one-1", "one-by-one-2", "birthday"],
)
def test_a_replay_tells_what_the_engine_did_step_by_step_and_at_the_same_instants(people, kind, seed):
    parts = dict(kind)
    automation = live(*parts.pop("steps"), **parts)
    automation.draft = automation.live.definition
    Automation.objects.update(draft=automation.draft, live_since=BEGIN)
    live_through(automation, a_month(random.Random(seed), people, 90), FOREVER)
    assert StepVisit.objects.filter(outcome="mailed").count() > 3, "too little happened to compare"
    for person in people:
        told = replay(automation, people=Subscriber.objects.filter(pk=person.pk), follow=person.pk)
        assert what_is_told(told) == what_engine_did(person)
    report = replay(automation)
    visits = Counter(StepVisit.objects.values_list("step", "outcome"))
    assert {(step, outcome): n for step, found in report.steps.items() for outcome, n in found.items()} == visits
    assert report.entered == Enrolment.objects.count()
    assert report.done == Enrolment.objects.filter(state="done").count()
    assert report.exits == Counter(Enrolment.objects.filter(state="exited").values_list("reason", flat=True))
    assert report.left_out == Counter(LeftOut.objects.values_list("reason", flat=True))
    assert report.still == Enrolment.objects.filter(ended_at__isnull=True).count()
    assert Message.objects.count() == visits.total() - sum(
        n for (_step, outcome), n in visits.items() if outcome != "mailed"
    )
    assert Order.objects.exists() or kind is BIRTHDAY
