"""Products, orders, carts, service mail and segments over the API."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from campaigns.delivery.models import Message
from personalize.core import clock
from segments.commerce.models import Cart, Order, OrderStatus, Product, Refund
from segments.events.models import Event
from segments.segmentation.models import Segment
from segments.subscribers.models import ExternalId, Subscriber
from tests.api.conftest import Shop
from tests.factories import NOW, make_sender, make_subscriber, make_version

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("brand")]

LINE = {"code": "OAK-STOOL", "quantity": 2, "unit_price": 140.05}


@pytest.fixture
def ann() -> Subscriber:
    person = make_subscriber("ann@post.example")
    ExternalId.objects.create(subscriber=person, source="shop", value="C-1")
    return person


def an_order(**fields: Any) -> dict[str, Any]:
    at = clock.now() - dt.timedelta(hours=1)
    return {"number": "AW-1", "placed_at": at.isoformat(), "lines": [LINE], "customer_id": "C-1", **fields}


def a_cart(**fields: Any) -> dict[str, Any]:
    return {"key": "cart-1", "at": clock.now().isoformat(), "lines": [LINE], "customer_id": "C-1", **fields}


def test_products_are_created_changed_and_left_as_they_are(shop: Shop):
    product = {"code": "OAK-STOOL", "title": "Oak stool", "price": "140.05", "stock": 3}
    assert shop.post("/products", product).json()["outcome"] == "created"
    assert shop.post("/products", product).json()["outcome"] == "unchanged"
    assert shop.post("/products", {"code": "OAK-STOOL", "stock": 2}).json()["outcome"] == "updated"
    stored = Product.objects.get()
    assert (stored.title, stored.price, stored.stock) == ("Oak stool", 1_400_500, 2)
    refused = shop.post("/products", {"code": "A", "url": "javascript:alert(1)"})
    assert refused.status_code == 422
    assert "https://" in refused.json()["errors"][0]["reason"]


def a_refund(**fields: Any) -> dict[str, Any]:
    return {"number": "AW-1-R1", "at": clock.now().isoformat(), "order": "AW-1", "lines": [LINE], **fields}


def test_a_refund_belongs_to_its_order_and_its_person_and_counts_once(shop: Shop, ann: Subscriber):
    shop.post("/orders", an_order())
    refund = a_refund(lines=[{**LINE, "quantity": 1}])
    assert shop.post("/refunds", refund).json() == {"outcome": "created", "known": None}
    assert shop.post("/refunds", refund).json()["outcome"] == "unchanged"
    stored = Refund.objects.get()
    assert (stored.order, stored.subscriber, stored.total) == (Order.objects.get(), ann, 1_400_500)
    assert Event.objects.get(name="order_refunded").subject == "AW-1"
    assert shop.post("/refunds", {**refund, "lines": [LINE]}).json()["outcome"] == "updated"
    assert Refund.objects.get().total == 2_801_000
    assert Event.objects.filter(name="order_refunded").count() == 1


def test_a_refund_told_again_finds_the_order_that_came_later(shop: Shop, ann: Subscriber):
    refund = a_refund()
    shop.post("/refunds", refund)
    assert Refund.objects.get().order is None
    shop.post("/orders", an_order())
    assert shop.post("/refunds", refund).json()["outcome"] == "updated"
    assert (Refund.objects.get().order, Refund.objects.get().subscriber) == (Order.objects.get(), ann)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"lines": []}, "no lines"),
        ({"lines": [{**LINE, "quantity": -1}]}, "positive"),
        ({"lines": [{**LINE, "unit_price": -1}]}, "positive"),
        ({"currency": "XTS"}, "XTS"),
        ({"order": "AW\u200b"}, "number of the order"),
        ({"at": "2020-01-01T00:00:00Z"}, "at: "),
        ({"at": "2020-01-01T00:00:00"}, "timezone"),
    ],
)
def test_a_refund_that_is_none_is_refused_and_the_others_of_its_batch_are_stored(
    shop: Shop, ann: Subscriber, wrong: dict[str, Any], said: str
):
    alone = shop.post("/refunds", a_refund(**wrong))
    assert alone.status_code == 422
    assert said in alone.content.decode()
    answer = shop.post("/refunds/batch", {"refunds": [a_refund(**wrong), a_refund(number="AW-1-R2")]}).json()
    assert (answer["created"], [one["index"] for one in answer["refused"]]) == (1, [0])
    assert said in answer["refused"][0]["reason"]
    assert Refund.objects.get().number == "AW-1-R2"


def test_a_batch_of_products_tells_which_were_refused(shop: Shop):
    products = [{"code": "A"}, {"code": "B", "price": "cheap"}, {"code": "C", "url": "ftp://x"}, {"code": "D"}]
    answer = shop.post("/products/batch", {"products": products}).json()
    assert answer["created"] == 2
    assert [refused["index"] for refused in answer["refused"]] == [1, 2]
    assert "price" in answer["refused"][0]["reason"]


@pytest.mark.usefixtures("ann")
def test_an_order_is_stored_for_its_customer_and_becomes_an_event(shop: Shop):
    assert shop.post("/orders", an_order()).json() == {"outcome": "created", "known": True}
    assert shop.post("/orders", an_order(number="AW-2", customer_id="C-9")).json() == {
        "outcome": "created",
        "known": False,
    }
    order = Order.objects.get(number="AW-1")
    assert (order.total, order.subscriber.email) == (2_801_000, "ann@post.example")
    assert Event.objects.get(name="order_placed").processed_at is None


@pytest.mark.usefixtures("ann")
@pytest.mark.parametrize("status", OrderStatus.values)
def test_an_order_takes_every_status(shop: Shop, status: str):
    shop.post("/orders", an_order())
    assert shop.post("/orders", an_order(status=status)).status_code == 200
    assert shop.post("/orders", an_order(status="lost")).status_code == 422


@pytest.mark.usefixtures("ann")
def test_an_old_order_is_history_unless_it_changed_lately(shop: Shop):
    old = (clock.now() - dt.timedelta(days=40)).isoformat()
    refused = shop.post("/orders", an_order(placed_at=old))
    assert "30 days" in refused.json()["errors"][0]["reason"]
    assert shop.post("/orders", an_order(placed_at=old, historic=True)).status_code == 200
    assert not Event.objects.filter(processed_at__isnull=True).exists()
    news = an_order(placed_at=old, status="delivered", changed_at=clock.now().isoformat())
    assert shop.post("/orders", news).json()["outcome"] == "updated"
    assert Event.objects.get(processed_at__isnull=True).name == "order_delivered"


@pytest.mark.usefixtures("ann")
def test_a_batch_of_orders_keeps_history_and_news_apart(shop: Shop):
    old = (clock.now() - dt.timedelta(days=40)).isoformat()
    orders = [
        an_order(number="1", placed_at=old),
        an_order(number="2", placed_at=old, historic=True),
        an_order(number="3", customer_id="C-9"),
        an_order(number="4", lines=[]),
        an_order(number="5", currency="XYZ"),
    ]
    answer = shop.post("/orders/batch", {"orders": orders}).json()
    assert (answer["created"], answer["unknown"]) == (2, [2])
    assert [refused["index"] for refused in answer["refused"]] == [0, 3, 4]


def test_a_cart_is_kept_as_it_is_now(shop: Shop, ann: Subscriber):
    first = clock.now() - dt.timedelta(minutes=10)
    assert shop.post("/carts", a_cart(at=first.isoformat())).json() == {"outcome": "created", "known": True}
    assert Event.objects.get().name == "cart_updated"
    assert shop.post("/carts", a_cart(lines=[])).json()["outcome"] == "updated"
    assert Cart.objects.get().state == "emptied"
    late = (clock.now() + dt.timedelta(hours=1)).isoformat()
    answer = shop.post("/carts/batch", {"carts": [a_cart(at=late), a_cart(key="cart-2"), {"key": "cart-3"}]}).json()
    assert answer["created"] == 1
    assert [refused["index"] for refused in answer["refused"]] == [0, 2]


def test_a_service_mail_is_queued_once_a_key(shop: Shop, ann: Subscriber):
    make_sender()
    version = make_version()
    body = {"template": str(version.template.uuid), "external_id": "C-1", "data": {"number": "AW-1"}, "key": "r-1"}
    first = shop.post("/messages", body).json()
    assert shop.post("/messages", body).json() == first
    assert shop.post("/messages", {**body, "key": "r-2"}).json()["id"] != first["id"]
    message = Message.objects.get(uuid=first["id"])
    assert (message.subscriber, message.context) == (ann, {"number": "AW-1"})
    unknown = "00000000-0000-0000-0000-000000000000"
    assert shop.post("/messages", {**body, "template": unknown}).status_code == 404
    assert shop.post("/messages", {**body, "external_id": "C-9"}).status_code == 404
    assert shop.post("/messages", {**body, "key": ""}).status_code == 422


def test_a_mail_that_the_product_sends_itself_cannot_be_asked_for(shop: Shop, ann: Subscriber):
    version = make_version()
    type(version.template).objects.update(key="confirmation")
    body = {"template": str(version.template.uuid), "external_id": "C-1", "key": "r-1"}
    assert shop.post("/messages", body).status_code == 404


def test_segments_are_listed_a_page_at_a_time(shop: Shop):
    for name in ("Loyal", "New", "Lost"):
        Segment.objects.create(name=name, rule={"v": 1, "all": []}, created_at=NOW, updated_at=NOW)
    first = shop.get("/segments?limit=2").json()
    assert [item["name"] for item in first["items"]] == ["Loyal", "New"]
    second = shop.get(f"/segments?limit=2&after={first['next']}").json()
    assert [item["name"] for item in second["items"]] == ["Lost"]
    assert second["next"] is None
    assert shop.get("/segments?after=00000000-0000-0000-0000-000000000000").status_code == 404
