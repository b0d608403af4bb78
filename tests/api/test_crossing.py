"""Two batches about the same things in opposite order, at the same time: both are taken, neither locks the other out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from personalize.core import clock
from personalize.core.database import is_postgres
from segments.commerce.models import Order, Product
from segments.consent.services import subscribe
from segments.events.models import Event
from segments.subscribers.models import ExternalId
from tests.api.conftest import Shop
from tests.factories import make_subscriber, make_topic

pytestmark = pytest.mark.django_db(transaction=True)

NAMES = "abcde"
LINE = {"code": "OAK-STOOL", "quantity": 1, "unit_price": "140.00"}


def an_event(name: str) -> dict[str, Any]:
    return {"name": "wish_list_shared", "email": "ann@post.example", "idempotency_key": name}


def a_product(name: str) -> dict[str, Any]:
    return {"code": name, "title": f"Stool {name}"}


def an_order(name: str) -> dict[str, Any]:
    return {"number": name, "placed_at": clock.now().isoformat(), "lines": [LINE], "email": "ann@post.example"}


def a_person(name: str) -> dict[str, Any]:
    return {"email": f"{name}@post.example", "external_id": name}


@pytest.mark.usefixtures("brand")
@pytest.mark.parametrize(
    ("kind", "make", "model", "named"),
    [
        ("events", an_event, Event, "idempotency_key"),
        ("products", a_product, Product, "code"),
        ("orders", an_order, Order, "number"),
        ("subscribers", a_person, ExternalId, "value"),
    ],
)
def test_the_same_new_things_in_opposite_order_are_stored_once(
    make_shop: Callable[..., Shop], kind: str, make: Callable[[str], dict[str, Any]], model: Any, named: str
):
    make_subscriber("ann@post.example")
    things = [make(name) for name in NAMES]
    one, other, first = make_shop(), make_shop(), make_shop()
    with transaction.atomic():
        # Somebody third is in the middle of it, so that both have begun when they are let go.
        first.post(f"/{kind}/batch", {kind: [things[2]]})
        both = Both(
            lambda: one.post(f"/{kind}/batch", {kind: things}),
            lambda: other.post(f"/{kind}/batch", {kind: things[::-1]}),
        )
        both.wait_until_stuck()
        transaction.set_rollback(True)
    answers = both.answers()
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.json()["refused"] or 0 for answer in answers] == [0, 0]
    stored = model.objects.order_by(named).values_list(named, flat=True)
    assert [name[-1] for name in stored if name.removeprefix("api:") in NAMES] == list(NAMES)


def test_joining_people_and_what_they_did_do_not_lock_each_other_out(make_shop: Callable[..., Shop]):
    """An event holds its person by the foreign key alone; a join must not ask for more of them than that leaves."""
    topic, ann = make_topic("news"), make_subscriber("ann@post.example")
    shop = make_shop()
    with transaction.atomic():
        shop.post("/events", an_event("a"))
        # What the foreign key asks at the end of the transaction is asked now.
        connection.check_constraints()
        both = Both(lambda: subscribe(subscriber=ann, topic=topic, source="till"), lambda: None)
        if is_postgres():
            assert both.done_within(10.0)
        transaction.set_rollback(True)
    both.answers()
    assert not Event.objects.filter(name="wish_list_shared").exists()


class Both:
    """Two calls, each in a thread and with a connection of its own."""

    def __init__(self, *calls: Callable[[], Any]) -> None:
        self.found: dict[int, Any] = {}
        self.threads = [threading.Thread(target=self._run, args=pair) for pair in enumerate(calls)]
        for thread in self.threads:
            thread.start()

    def _run(self, number: int, call: Callable[[], Any]) -> None:
        try:
            self.found[number] = call()
        finally:
            connection.close()

    def wait_until_stuck(self) -> None:
        """Until both wait for a lock; SQLite lets nobody begin who would have to."""
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        until = time.monotonic() + 10.0
        while is_postgres() and time.monotonic() < until:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_stat_clear_snapshot()")
                cursor.execute(waiting)
                if cursor.fetchone()[0] >= len(self.threads):
                    return
            time.sleep(0.02)

    def done_within(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        for thread in self.threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self.threads)

    def answers(self) -> list[Any]:
        for thread in self.threads:
            thread.join()
        return [self.found[number] for number in sorted(self.found)]
