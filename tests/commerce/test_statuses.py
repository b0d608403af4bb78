"""What becomes of an order is told once, goes forward only, and never twice as a refund."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from segments.commerce.models import Order, OrderStatus
from segments.commerce.services import store_orders, store_refunds
from segments.commerce.statuses import FOLLOWS
from segments.commerce.types import LineRow, OrderRow, RefundRow
from segments.events.models import Event
from tests.factories import NOW, make_subscriber

pytestmark = pytest.mark.django_db

LINES = [LineRow("MUG-1", 2, Decimal("14"))]


@pytest.fixture(autouse=True)
def ann(db):
    return make_subscriber("ann@post.example")


def say(status: str, hours: int = 0, **fields: Any) -> None:
    changed_at = NOW + dt.timedelta(hours=hours)
    given = {"number": "1001", "placed_at": NOW, "lines": LINES, "email": "ann@post.example", **fields}
    store_orders(rows=[OrderRow(status=status, **{"changed_at": changed_at, **given})])


def events() -> list[tuple[str, int]]:
    found = Event.objects.order_by("pk").values_list("name", "occurred_at")
    return [(name, round((at - NOW).total_seconds() / 3600)) for name, at in found]


def test_each_status_is_told_once_at_its_own_time():
    for hours, status in enumerate(("placed", "paid", "paid", "fulfilled", "delivered")):
        say(status, hours)
    assert events() == [("order_placed", 0), ("order_paid", 1), ("order_fulfilled", 3), ("order_delivered", 4)]
    assert not Event.objects.filter(processed_at__isnull=False).exists()


def test_a_late_word_never_takes_an_order_back():
    say("delivered", 3)
    say("paid", 1)
    assert Order.objects.get().status == OrderStatus.DELIVERED
    assert [name for name, _at in events()] == ["order_placed", "order_delivered"]


def test_a_cancelled_order_stays_so_until_its_money_is_given_back():
    for status in ("placed", "cancelled", "paid", "refunded", "delivered"):
        say(status)
    assert Order.objects.get().status == OrderStatus.REFUNDED
    assert [name for name, _at in events()] == ["order_placed", "order_cancelled", "order_refunded"]


def test_no_status_leads_in_a_circle():
    for status, next_ones in FOLLOWS.items():
        assert all(status not in FOLLOWS[following] for following in next_ones)
    assert set(FOLLOWS) == set(OrderStatus.values)


def refund(number: str = "R1") -> None:
    row = RefundRow(number, NOW, LINES[:1], email="ann@post.example", order_number="1001")
    store_refunds(rows=[row])


@pytest.mark.parametrize("first", ["lines", "status"])
def test_money_given_back_is_told_once_whether_by_lines_or_by_status(first):
    say("paid")
    steps = [refund, lambda: say("refunded", 1)]
    for step in steps if first == "lines" else reversed(steps):
        step()
    assert [name for name, _at in events()].count("order_refunded") == 1


def test_two_partial_refunds_are_two_events():
    say("paid")
    refund("R1")
    refund("R2")
    assert [name for name, _at in events()].count("order_refunded") == 2


def test_history_tells_a_status_only_where_its_time_is_known():
    row = {"placed_at": NOW, "lines": LINES, "email": "ann@post.example", "status": "delivered"}
    store_orders(rows=[OrderRow("1", **row), OrderRow("2", changed_at=NOW, **row)], historic=True)
    assert list(Event.objects.filter(name="order_delivered").values_list("subject", flat=True)) == ["2"]
    assert not Event.objects.filter(processed_at__isnull=True).exists()


def test_a_guest_who_becomes_known_is_told_where_the_order_stands():
    say("paid", 1, email="")
    assert events() == []
    say("paid", 1)
    assert events() == [("order_placed", 0), ("order_paid", 1)]
