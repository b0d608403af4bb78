"""Carts, orders and products read again: what is left of them, what it costs now, and when there is nothing left."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from personalize.content import subjects
from personalize.content.subjects import Refreshed
from segments.commerce.models import Cart, CartState, Order, Product, Refund, RefundLine
from tests.factories import NOW, make_cart, make_order, make_product, make_subscriber

pytestmark = pytest.mark.django_db


def one(about: str, key: str, *, source: str = "shop", person: int | None = None, **more: Any) -> Refreshed:
    context = {"about": about, "source": source, "key": key, "total": 1, "products": ["OLD"], **more}
    return subjects.refresh({"x": context}, NOW, {"x": person} if person else None)["x"]


def titles(found: Refreshed) -> list[str]:
    return [line["title"] for line in found.context["lines"]]


def give_back(order: Order, code: str, quantity: int, at: dt.datetime = NOW) -> None:
    refund = Refund.objects.create(number=f"R{code}", order=order, refunded_at=at, total=1, updated_at=NOW)
    RefundLine.objects.create(
        refund=refund, position=1, code=code, quantity=quantity, unit_price=1, amount=1, refunded_at=at
    )


def test_a_cart_is_shown_at_todays_price_with_what_it_was():
    mug = make_product("MUG", title="Stoneware mug", price=140_000, stock=6)
    make_cart(None, (mug, 2, 160_000), ("UNKNOWN", 1, 50_000), key="C-1")
    found = one("cart", "C-1")
    assert titles(found) == ["Stoneware mug", "UNKNOWN"]
    assert found.total == found.context["total"] == 330_000
    assert (found.context["products"], found.context["count"]) == (["MUG", "UNKNOWN"], 2)
    assert found.context["url"] == "https://alderandwren.example/cart"
    assert json.loads(json.dumps(found.context)) == found.context
    seen = subjects.shown(found.context, currency="GBP", language="en-GB")
    mug_line, unknown = seen["lines"]
    assert (mug_line["price"], mug_line["amount"], mug_line["was_price"]) == ("£14.00", "£28.00", "£16.00")
    assert (mug_line["was_amount"], mug_line["left"]) == ("£32.00", 6)
    assert (unknown["price"], unknown["was_price"], unknown["left"]) == ("£5.00", "", None)
    assert seen["total"] == "£33.00"
    german = subjects.shown(found.context, currency="EUR", language="de")
    assert german["total"] == "33,00\xa0€"


@pytest.mark.parametrize("gone", [{"active": False}, {"stock": 0}, {"stock": -1}])
def test_what_cannot_be_had_any_more_is_not_in_the_cart(gone: dict[str, Any]):
    tea, mug = make_product("TEA"), make_product("MUG", price=140_000, stock=None)
    make_cart(None, (tea, 1, 10), (mug, 1, 140_000), key="C-1")
    Product.objects.filter(code="TEA").update(**gone)
    assert one("cart", "C-1").context["products"] == ["MUG"]
    Product.objects.filter(code="MUG").update(**gone)
    assert one("cart", "C-1").nothing_left


@pytest.mark.parametrize("state", [CartState.EMPTIED, CartState.ORDERED])
def test_a_cart_that_was_emptied_or_ordered_has_nothing_left(state: str):
    make_cart(None, (make_product(), 1, 10), key="C-1", state=state)
    found = one("cart", "C-1")
    assert found.nothing_left
    assert (found.total, found.context["lines"], found.context["products"]) == (0, [], [])


def test_a_cart_nobody_knows_or_of_another_source_has_nothing_left():
    make_cart(None, (make_product(), 1, 10), key="C-1")
    assert one("cart", "C-2").nothing_left
    assert one("cart", "C-1", source="till").nothing_left


def test_a_cart_that_is_somebody_elses_by_now_is_not_shown():
    ann, bea = make_subscriber(), make_subscriber()
    make_cart(bea, (make_product(), 1, 10), key="C-1")
    assert one("cart", "C-1", person=ann.pk).nothing_left
    assert not one("cart", "C-1", person=bea.pk).nothing_left


def test_an_order_is_shown_without_what_was_given_back_and_at_what_was_paid():
    mug, tea = make_product("MUG", price=999, stock=0, active=False), make_product("TEA")
    order = make_order(None, (mug, 3, 140_000), (tea, 1, 260_000), number="1001")
    give_back(order, "TEA", 1)
    give_back(order, "MUG", 1)
    found = one("order", "1001")
    (line,) = found.context["lines"]
    assert (line["code"], line["quantity"], line["price"], line["was"]) == ("MUG", 2, 140_000, None)
    assert found.total == 280_000


def test_money_given_back_later_than_the_instant_asked_about_does_not_count():
    order = make_order(None, (make_product("TEA"), 1, 10), number="1001")
    give_back(order, "TEA", 1, NOW + dt.timedelta(minutes=1))
    assert not one("order", "1001").nothing_left


@pytest.mark.parametrize("status", ["cancelled", "refunded"])
def test_a_cancelled_order_has_nothing_left(status: str):
    make_order(None, (make_product(), 1, 10), number="1001", status=status)
    assert one("order", "1001").nothing_left


def test_a_product_is_shown_as_long_as_it_can_be_had():
    make_product("MUG", title="Stoneware mug", price=140_000, url="https://alderandwren.example/p/MUG")
    found = one("product", "MUG", source="anything")
    seen = subjects.shown(found.context, currency="GBP", language="en")
    assert (seen["product"]["title"], seen["product"]["price"]) == ("Stoneware mug", "£14.00")
    assert seen["url"] == "https://alderandwren.example/p/MUG"
    Product.objects.update(stock=0)
    assert one("product", "MUG").nothing_left


def test_what_is_about_nothing_of_the_shop_stays_as_it_is():
    birthday = {"about": "", "years": 3}
    topics = {"url": "https://alderandwren.example/confirm", "topics": ["News"]}
    found = subjects.refresh({1: birthday, 2: topics, 3: {"about": 7}}, NOW)
    assert not any(one.nothing_left for one in found.values())
    assert found[2].context == topics == subjects.shown(topics, currency="GBP", language="en")
    assert subjects.shown(found[1].context, currency="GBP", language="en")["years"] == 3


def test_an_address_that_is_none_is_left_out():
    make_product("MUG", url="javascript:alert(1)", image_url="")
    found = one("product", "MUG")
    assert (found.context["url"], found.context["lines"][0]["url"]) == ("", "")


def test_a_thousand_things_cost_as_many_queries_as_three():
    product = make_product("MUG")
    for number in range(3):
        make_order(None, (product, 1, 10), number=f"{number}")
        make_cart(None, (product, 1, 10), key=f"{number}")
    Cart.objects.bulk_create(
        Cart(key=f"{number}", started_at=NOW, last_activity_at=NOW, updated_at=NOW) for number in range(3, 3000)
    )

    def queries(number: int) -> int:
        contexts = {
            (about, key): {"about": about, "source": "shop", "key": str(key) if about != "product" else "MUG"}
            for about in ("cart", "order", "product")
            for key in range(number)
        }
        with CaptureQueriesContext(connection) as captured:
            found = subjects.refresh(contexts, NOW)
        assert not found["cart", 2].nothing_left
        return len(captured)

    assert queries(3) == queries(3000) == 6


def test_a_sample_shows_what_the_shop_sells():
    for code in ("A", "B", "C", "D"):
        make_product(code, price=140_000)
    make_product("SOLD-OUT", title="A", stock=0)
    seen = subjects.shown(subjects.sample("cart"), currency="GBP", language="en")
    assert (len(seen["lines"]), seen["total"], seen["about"]) == (3, "£42.00", "cart")
    assert subjects.sample("product")["count"] == 1
