"""A cart is as the shop last said, tells what the person did, and ends in an order."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from segments.commerce.models import Cart, CartLine, CartState
from segments.commerce.services import store_carts, store_orders, store_products
from segments.commerce.types import CartRow, LineRow, OrderRow, ProductRow
from segments.events.models import Event
from segments.subscribers.models import ExternalId
from tests.factories import NOW, make_subscriber

pytestmark = pytest.mark.django_db

MUG = LineRow("MUG-1", 2, Decimal("14"))
THROW = LineRow("THR-1", 1, Decimal("72.50"))


@pytest.fixture
def ann(db):
    person = make_subscriber("ann@post.example")
    ExternalId.objects.create(subscriber=person, source="shop", value="17850")
    return person


def later(minutes: int) -> dt.datetime:
    return NOW + dt.timedelta(minutes=minutes)


def cart(key: str = "c1", **fields: Any) -> CartRow:
    return CartRow(**{"key": key, "at": NOW, "lines": [MUG], "customer_id": "17850", **fields})


def order(number: str = "1001", **fields: Any) -> OrderRow:
    given = {"number": number, "placed_at": later(10), "lines": [MUG], "customer_id": "17850", **fields}
    return OrderRow(**given)


def events() -> list[tuple[str, dt.datetime]]:
    return list(Event.objects.order_by("occurred_at", "pk").values_list("name", "occurred_at"))


def test_a_cart_is_stored_with_lines_and_tells_that_it_was_filled(ann):
    store_products(rows=[ProductRow("MUG-1", title="Stoneware mug")])
    result = store_carts(rows=[cart(lines=[MUG, THROW], url="https://alderandwren.example/cart/c1")])
    stored = Cart.objects.get()
    assert (result.created, stored.subscriber, stored.state, stored.total) == (1, ann, CartState.ACTIVE, 1_005_000)
    assert (stored.started_at, stored.last_activity_at, stored.checkout_at) == (NOW, NOW, None)
    assert list(stored.lines.order_by("position").values_list("code", "product__title", "amount")) == [
        ("MUG-1", "Stoneware mug", 280_000),
        ("THR-1", None, 725_000),
    ]
    event = Event.objects.get()
    assert (event.name, event.subject, event.subscriber, event.amount) == ("cart_updated", "c1", ann, 1_005_000)
    assert (event.occurred_at, event.processed_at) == (NOW, None)
    assert event.properties["products"] == ["MUG-1", "THR-1"]
    assert event.properties["items"][1] == {"product": "THR-1", "quantity": 1, "unit_price": 725_000}


def test_the_same_word_again_changes_nothing_at_all(ann):
    store_carts(rows=[cart()])
    before = [list(model.objects.order_by("pk").values()) for model in (Cart, CartLine, Event)]
    result = store_carts(rows=[cart()])
    assert (result.created, result.updated, result.unchanged) == (0, 0, 1)
    assert [list(model.objects.order_by("pk").values()) for model in (Cart, CartLine, Event)] == before


def test_an_older_word_changes_nothing(ann):
    store_carts(rows=[cart(at=later(5), lines=[MUG, THROW])])
    assert store_carts(rows=[cart(at=later(1))]).unchanged == 1
    assert Cart.objects.get().lines.count() == 2
    assert events() == [("cart_updated", later(5))]


def test_words_of_one_batch_count_in_the_order_of_their_times(ann):
    rows = [cart(at=later(3), lines=[]), cart(at=later(1)), cart(at=later(2), checkout=True)]
    result = store_carts(rows=rows)
    stored = Cart.objects.get()
    assert (result.created, result.updated, stored.state, stored.lines.count()) == (1, 2, CartState.EMPTIED, 0)
    assert stored.checkout_at == later(2)
    assert events() == [
        ("cart_updated", later(1)),
        ("cart_updated", later(2)),
        ("checkout_started", later(2)),
        ("cart_emptied", later(3)),
    ]


def test_checkout_starts_once(ann):
    store_carts(rows=[cart(checkout=True)])
    store_carts(rows=[cart(at=later(1), checkout=True)])
    assert [name for name, _at in events()].count("checkout_started") == 1


def test_a_strangers_cart_is_kept_and_theirs_once_they_say_who_they_are(ann):
    store_carts(rows=[cart(customer_id="")])
    assert (Cart.objects.get().subscriber, Event.objects.count()) == (None, 0)
    store_carts(rows=[cart(at=later(1), customer_id="", email="ANN@post.example", checkout=True)])
    store_carts(rows=[cart(at=later(2), customer_id="")])
    assert Cart.objects.get().subscriber == ann
    assert events() == [
        ("cart_updated", later(1)),
        ("checkout_started", later(1)),
        ("cart_updated", later(2)),
    ]


def test_a_customer_nobody_knows_is_reported(ann):
    assert store_carts(rows=[cart(), cart("c2", customer_id="99")]).unknown == [1]
    assert Cart.objects.get(key="c2").subscriber is None


def test_an_order_closes_the_cart_it_names_for_good(ann):
    store_carts(rows=[cart(), cart("c2")])
    store_orders(rows=[order(cart="c1")])
    closed = Cart.objects.get(key="c1")
    assert (closed.state, closed.order.number) == (CartState.ORDERED, "1001")
    assert Cart.objects.get(key="c2").state == CartState.ACTIVE
    store_carts(rows=[cart(at=later(11), lines=[]), cart(at=later(12))])
    assert Cart.objects.get(key="c1").state == CartState.ORDERED
    assert not Event.objects.filter(occurred_at__gt=later(10)).exclude(name="order_placed").exists()


def test_a_cart_whose_order_came_first_does_not_look_left_behind(ann):
    store_orders(rows=[order(cart="c1")])
    store_carts(rows=[cart(at=later(10))])
    assert Cart.objects.get().state == CartState.ORDERED
    assert events() == [("order_placed", later(10))]


def test_an_order_gives_a_strangers_cart_its_person(ann):
    store_carts(rows=[cart(customer_id="")])
    store_orders(rows=[order(cart="c1")])
    assert Cart.objects.get().subscriber == ann


def test_history_never_triggers(ann):
    store_carts(rows=[cart()], historic=True)
    assert Event.objects.get().processed_at is not None


@pytest.mark.usefixtures("brand")
@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (cart(""), "key"),
        (cart("x" * 65), "key"),
        (cart(currency="EUR"), "currency is EUR"),
        (cart(at=NOW + dt.timedelta(days=2)), "future"),
        (cart(at=NOW.replace(tzinfo=None)), "time zone"),
        (cart(url="javascript:alert(1)"), "address"),
        (cart(lines=[LineRow("A", 1, Decimal("NaN"))]), "NaN"),
        (cart(lines=[LineRow("", 1, Decimal("1"))]), "product code"),
        (cart(lines=[MUG] * 501), "500"),
    ],
)
def test_a_bad_cart_is_refused_with_a_reason_and_the_others_stored(ann, bad, word):
    result = store_carts(rows=[bad, cart("good", currency="gbp")])
    assert [item.index for item in result.refused] == [0]
    assert word in result.refused[0].reason
    assert Cart.objects.get().key == "good"


@pytest.mark.usefixtures("brand")
def test_an_order_in_another_currency_is_refused(ann):
    result = store_orders(rows=[order(currency="USD"), order("1002", currency="GBP")])
    assert "USD" in result.refused[0].reason
    assert result.created == 1


def test_a_thousand_carts_of_one_person_take_few_statements(ann, django_assert_max_num_queries):
    with django_assert_max_num_queries(60):
        store_carts(rows=[cart(str(n)) for n in range(1000)])
    assert (Cart.objects.filter(subscriber=ann).count(), Event.objects.count()) == (1000, 1000)
    with django_assert_max_num_queries(60):
        assert store_carts(rows=[cart(str(n), at=later(1)) for n in range(1000)]).updated == 1000


def test_a_product_that_arrives_later_finds_the_lines_of_carts(ann):
    store_carts(rows=[cart()])
    store_products(rows=[ProductRow("MUG-1", title="Stoneware mug")])
    assert CartLine.objects.get().product.title == "Stoneware mug"
