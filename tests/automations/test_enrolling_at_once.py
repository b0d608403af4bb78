"""Several processes at the same events, the same people, the same automation: nobody comes in twice, nobody waits for ever."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.db import connections, transaction

from campaigns.automations.enrolling import enrol, sweep_events
from campaigns.automations.models import Enrolment
from campaigns.automations.types import Arrival
from personalize.core.database import is_postgres
from segments.consent.services import unsubscribe
from segments.events.models import Event
from segments.subscribers.models import Subscriber
from tests.automations.cast import MINUTE, make_cart_automation, make_event, states
from tests.factories import NOW, make_automation, make_enrolment, make_follower, make_subscriber, make_topic
from tests.servers import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

only_postgres = pytest.mark.skipif(not is_postgres(), reason="SQLite has one writer at a time")


def at_once(*acts: Callable[[], object]) -> None:
    """Run each act on a connection of its own, all at the same time; what one of them raises is raised here."""
    ready = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> None:
        try:
            ready.wait()
            act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        for running in [pool.submit(run, act) for act in acts]:
            running.result(60)


@contextmanager
def held(rows: Callable[[], object]) -> Iterator[None]:
    """Somebody else keeps these rows locked meanwhile."""
    locked, over = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                rows()
                locked.set()
                over.wait(30)
        finally:
            connections.close_all()

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert locked.wait(10)
        yield
    finally:
        over.set()
        thread.join(30)


def sweep_all() -> None:
    """As long as there is something, also what others hold for a moment."""
    while Event.objects.filter(processed_at__isnull=True).exists():
        sweep_events(NOW + MINUTE, limit=7)


def test_four_sweeps_of_the_events_of_few_people_let_each_cart_in_once_and_out_when_it_was_ordered():
    automation = make_cart_automation()
    people = [make_subscriber() for _ in range(3)]
    for number in range(40):
        for person in people:
            make_event(person, subject=f"cart-{person.pk}-{number % 4}", at=NOW)
            make_event(person, "checkout_started", f"cart-{person.pk}-{number % 4}", NOW)
    for person in people[:2]:
        make_event(person, "cart_emptied", f"cart-{person.pk}-1", NOW + MINUTE)
    at_once(*[sweep_all] * 4)
    assert Counter(states(automation).values()) == {"active": 10, "emptied": 2}


def test_arrivals_named_by_two_at_once_come_in_once_and_the_others_are_known():
    automation = make_automation()
    arrivals = [Arrival(make_subscriber().pk, "2026", NOW) for _ in range(50)]
    counts: list[Counter[str]] = []
    at_once(*[lambda: counts.append(enrol(automation=automation, arrivals=arrivals, at=NOW))] * 3)
    assert sum(counts, Counter()) == {"entered": 50, "known": 100}


def test_one_place_is_not_taken_twice_by_events_that_come_at_once():
    automation = make_cart_automation(entry={"again": "after_exit"})
    person = make_subscriber()
    for number in range(30):
        make_event(person, subject=f"cart-{number}")
    at_once(*[sweep_all] * 4)
    assert list(states(automation).values()) == ["active"]


@only_postgres
@pytest.mark.parametrize("what", ["person", "enrolment"])
def test_the_news_of_who_is_busy_elsewhere_are_left_for_the_next_turn_and_those_of_others_are_heard(what):
    automation = make_cart_automation()
    busy, other = make_subscriber(), make_subscriber()
    rows = []
    for person in (busy, other):
        rows.append(make_enrolment(automation, person, entry_key=f"cart-{person.pk}"))
        make_event(person, "order_placed", "AW-1", NOW)
    locks = {
        "person": lambda: list(Subscriber.objects.select_for_update().filter(pk=busy.pk)),
        "enrolment": lambda: list(Enrolment.objects.select_for_update().filter(pk=rows[0].pk)),
    }
    with held(locks[what]):
        assert sweep_events(NOW)
        assert set(states(automation).items()) == {(f"cart-{busy.pk}", "waiting"), (f"cart-{other.pk}", "ordered")}
        assert not sweep_events(NOW)
    assert sweep_events(NOW)
    assert set(states(automation).values()) == {"ordered"}


@only_postgres
def test_the_click_on_unsubscribe_waits_for_nobody_who_takes_the_person_on_and_ends_it_after_them():
    topic = make_topic()
    person = make_follower(topic)
    automation = make_automation(topic=topic)
    free = make_enrolment(automation, person, entry_key="free")
    busy = make_enrolment(automation, person, entry_key="busy")
    clicked = threading.Thread(target=click, args=[person])
    with held(lambda: list(Enrolment.objects.select_for_update().filter(pk=busy.pk))):
        clicked.start()
        wait_until(Enrolment.objects.filter(pk=free.pk, reason="no_consent").exists, what="The end of what is free")
        assert states(automation)["busy"] == "waiting"
    clicked.join(30)
    assert states(automation) == {"free": "no_consent", "busy": "no_consent"}


def click(person: Subscriber) -> None:
    try:
        unsubscribe(subscriber=person, topic=None, source="one-click")
    finally:
        connections.close_all()
