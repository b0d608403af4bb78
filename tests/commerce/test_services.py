"""Products, orders and refunds are stored whole, once each, to the ten-thousandth."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from segments.commerce.models import Order, OrderLine, Product, Refund, RefundLine
from segments.commerce.services import store_orders, store_products, store_refunds
from segments.commerce.types import LineRow, OrderRow, ProductRow, RefundRow
from segments.events.models import Event
from segments.subscribers.models import ExternalId
from tests.factories import NOW, make_subscriber

pytestmark = pytest.mark.django_db

LINES = [LineRow("85123A", 6, Decimal("2.55")), LineRow("71053", 2, Decimal("0.0425"))]


@pytest.fixture
def ann(db):
    person = make_subscriber("ann@post.example")
    ExternalId.objects.create(subscriber=person, source="shop", value="17850")
    return person


def order(number: str = "536365", **fields: Any) -> OrderRow:
    given: dict[str, Any] = {"number": number, "placed_at": NOW, "lines": LINES, "customer_id": "17850", **fields}
    return OrderRow(**given)


def test_an_order_is_stored_with_lines_person_and_event(ann):
    store_products(rows=[ProductRow("85123A", title="White hanging heart")])
    result = store_orders(rows=[order()], historic=True)
    stored = Order.objects.get()
    assert (result.created, stored.subscriber, stored.total, stored.placed_at) == (1, ann, 153_850, NOW)
    assert list(stored.lines.order_by("position").values_list("code", "product__title", "quantity", "amount")) == [
        ("85123A", "White hanging heart", 6, 153_000),
        ("71053", None, 2, 850),
    ]
    assert set(stored.lines.values_list("subscriber", "placed_at")) == {(ann.pk, NOW)}
    event = Event.objects.get()
    assert (event.name, event.subject, event.amount, event.occurred_at) == ("order_placed", "536365", 153_850, NOW)
    assert (event.properties, event.historic) == ({"products": ["85123A", "71053"], "lines": 2}, True)


def test_the_same_order_again_changes_nothing_at_all(ann):
    store_orders(rows=[order()])
    before = [list(model.objects.order_by("pk").values()) for model in (Order, OrderLine, Event)]
    result = store_orders(rows=[order()])
    assert (result.created, result.updated, result.unchanged) == (0, 0, 1)
    assert [list(model.objects.order_by("pk").values()) for model in (Order, OrderLine, Event)] == before


def test_an_order_that_differs_is_replaced_as_a_whole(ann):
    store_orders(rows=[order(), order("536366")])
    other = Order.objects.get(number="536366").lines.values_list("pk", flat=True)
    kept = list(other)
    uuid = Order.objects.get(number="536365").uuid
    result = store_orders(rows=[order(lines=LINES[:1], status="paid")])
    changed = Order.objects.get(number="536365")
    assert (result.updated, changed.uuid, changed.total, changed.status) == (1, uuid, 153_000, "paid")
    assert changed.lines.count() == 1
    assert list(other) == kept
    told = Event.objects.filter(subject="536365").order_by("pk").values_list("name", flat=True)
    assert list(told) == ["order_placed", "order_paid"]


def test_people_are_found_by_id_or_address_and_the_unknown_are_reported(ann):
    result = store_orders(
        rows=[
            order("1"),
            order("2", customer_id="", email="ANN@post.example"),
            order("3", customer_id="99999"),
            order("4", customer_id="", email=""),
        ]
    )
    assert dict(Order.objects.values_list("number", "subscriber")) == {"1": ann.pk, "2": ann.pk, "3": None, "4": None}
    assert result.unknown == [2]
    assert Event.objects.count() == 2


def test_a_guest_order_finds_its_person_later_and_never_loses_them(ann):
    store_orders(rows=[order(customer_id="")])
    store_orders(rows=[order()])
    store_orders(rows=[order(customer_id="")])
    assert Order.objects.get().subscriber == ann
    assert OrderLine.objects.filter(subscriber=ann).count() == 2
    assert Event.objects.count() == 1


def test_bad_orders_are_refused_whole_and_the_others_stored(ann):
    price = Decimal("1")
    result = store_orders(
        rows=[
            order("1", lines=[LineRow("A", 1, price), LineRow("", 1, price)]),
            order("2", lines=[LineRow("A", 1, Decimal("0.00001"))]),
            order("3", lines=[LineRow("A", 1, Decimal("NaN"))]),
            order("4", lines=[LineRow("A", 2**40, price)]),
            order("5", status="lost"),
            order("6", lines=[]),
            order(""),
            order("7"),
        ]
    )
    assert [item.index for item in result.refused] == [0, 1, 2, 3, 4, 5, 6]
    assert list(Order.objects.values_list("number", flat=True)) == ["7"]
    assert OrderLine.objects.count() == 2


def test_codes_and_numbers_are_compared_exactly(ann):
    store_products(rows=[ProductRow("85123A", title="A"), ProductRow("85123a", title="small a"), ProductRow("85123")])
    store_orders(rows=[order("A1"), order("a1", lines=[LineRow("85123a", 1, Decimal("1"))])])
    assert Product.objects.count() == 3
    assert OrderLine.objects.get(order__number="a1", product__title="small a").code == "85123a"


def test_a_refund_stands_on_its_own_or_names_its_order(ann):
    store_orders(rows=[order()])
    day = NOW + dt.timedelta(days=1)
    refund: dict[str, Any] = {"refunded_at": day, "lines": LINES[:1], "customer_id": "17850"}
    rows = [RefundRow(number="C1", **refund), RefundRow(number="C2", order_number="536365", **refund)]
    assert store_refunds(rows=rows).created == 2
    assert store_refunds(rows=rows).unchanged == 2
    assert list(Refund.objects.order_by("number").values_list("order__number", "total", "refunded_at")) == [
        (None, 153_000, day),
        ("536365", 153_000, day),
    ]
    assert set(RefundLine.objects.values_list("subscriber", "refunded_at")) == {(ann.pk, day)}
    assert list(Event.objects.filter(name="order_refunded").order_by("pk").values_list("subject", "amount")) == [
        ("C1", 153_000),
        ("536365", 153_000),
    ]


def test_a_product_that_arrives_later_finds_its_lines(ann):
    store_orders(rows=[order()])
    store_products(rows=[ProductRow("85123A", title="White hanging heart")])
    assert OrderLine.objects.get(product__title="White hanging heart").code == "85123A"
    assert OrderLine.objects.get(code="71053").product is None


def test_products_change_only_where_a_row_says_so():
    rows = [ProductRow("85123A", title="White hanging heart", price=Decimal("2.55"), category="Garten & STRASSE")]
    assert store_products(rows=rows).created == 1
    before = Product.objects.values().get()
    assert store_products(rows=rows).unchanged == 1
    assert Product.objects.values().get() == before
    assert store_products(rows=[ProductRow("85123A", stock=0)]).updated == 1
    product = Product.objects.get()
    assert (product.title, product.price, product.stock) == ("White hanging heart", 25_500, 0)
    assert product.category_folded == "garten & strasse"


@pytest.mark.parametrize(
    "row",
    [
        ProductRow("A", url="javascript:alert(1)"),
        ProductRow("A", image_url="//evil.example/x.png"),
        ProductRow("A", price=Decimal("-1")),
        ProductRow("A", price=Decimal("Infinity")),
        ProductRow("A\u202e"),
        ProductRow("x" * 65),
    ],
)
def test_bad_products_are_refused_with_a_reason(row):
    result = store_products(rows=[row, ProductRow("B")])
    assert result.refused[0].reason
    assert list(Product.objects.values_list("code", flat=True)) == ["B"]


def test_many_orders_take_few_statements(ann, django_assert_max_num_queries):
    rows = [order(str(n)) for n in range(100)]
    with django_assert_max_num_queries(24):
        store_orders(rows=rows)
