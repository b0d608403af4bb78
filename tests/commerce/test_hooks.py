"""A shop that signs is heard, once; everybody else learns nothing."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from personalize.core import registries
from segments.commerce import services
from segments.commerce.models import Cart, CartState, Connection, Order, Product, Receipt, ReceiptState, Refund
from segments.consent.models import ConsentEntry, Subscription
from segments.consent.services import unsubscribe
from segments.events.models import Event
from segments.subscribers.models import Subscriber
from tests.commerce.payloads import (
    SHOPIFY_CART,
    SHOPIFY_CHECKOUT,
    SHOPIFY_ORDER,
    SHOPIFY_PRODUCT,
    SHOPIFY_REFUND,
    WOO_ORDER,
    body,
    connect,
    headers,
    standard,
)
from tests.factories import NOW, make_subscriber, make_topic

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("brand")]


@pytest.fixture(autouse=True)
def fresh_cache():
    cache.clear()


@pytest.fixture
def woo(db: None) -> Connection:
    return connect("woocommerce")


def post(client: Client, connection: Connection, raw: bytes, given: dict[str, str]) -> Any:
    address = f"/hooks/{connection.uuid}/"
    return client.post(address, raw, content_type="application/json", headers=given)


def send(client: Client, connection: Connection, topic: str, payload: Any, id: str = "delivery-1") -> Any:
    raw = body(payload)
    return post(client, connection, raw, headers(connection, topic, raw, id))


def test_an_order_of_woocommerce_becomes_a_person_an_order_and_events(client, woo):
    answer = send(client, woo, "order.created", WOO_ORDER)
    assert (answer.status_code, answer.json()["state"]) == (200, "taken")
    order = Order.objects.get()
    ann = Subscriber.objects.get()
    assert (order.number, order.status, order.subscriber, order.total) == ("727", "paid", ann, 1_004_999)
    assert (ann.email, ann.full_name, ann.country) == ("ann.whitaker@post.example", "Ann Whitaker", "GB")
    assert ann.external_ids.get().value == "26"
    assert list(order.lines.order_by("position").values_list("code", flat=True)) == ["MUG-1", "94"]
    paid = Event.objects.get(name="order_paid")
    assert paid.occurred_at == dt.datetime(2026, 11, 19, 8, 35, tzinfo=dt.UTC)
    receipt = Receipt.objects.get()
    assert (receipt.state, receipt.address_key, receipt.body) == (ReceiptState.TAKEN, ann.address_key, WOO_ORDER)


def test_a_webhook_never_gives_consent(client, woo):
    send(client, woo, "order.created", {**WOO_ORDER, "accepts_marketing": True})
    assert not ConsentEntry.objects.exists()


def test_the_same_delivery_twice_is_one_receipt_and_one_effect(client, woo):
    send(client, woo, "order.created", WOO_ORDER)
    changed = {**WOO_ORDER, "status": "completed"}
    assert send(client, woo, "order.updated", changed).json() == {"state": "known"}
    assert (Receipt.objects.count(), Order.objects.get().status) == (1, "paid")


@pytest.mark.parametrize("kind", ["shopify", "woocommerce", "custom"])
@pytest.mark.parametrize("fault", ["unsigned", "another secret", "another body", "garbled"])
def test_a_wrong_signature_is_refused_and_leaves_nothing(client, kind, fault):
    connection = connect(kind)
    raw = body(WOO_ORDER)
    given = headers(connection, "order.created", raw)
    name = next(name for name in given if name.endswith(("Hmac-Sha256", "Signature")))
    if fault == "another secret":
        Connection.objects.update(secret="another")
    elif fault == "another body":
        raw += b" "
    else:
        given[name] = "" if fault == "unsigned" else "v1,ü%%%"
    answer = post(client, connection, raw, given)
    assert (answer.status_code, answer.content) == (401, b"")
    assert not Receipt.objects.exists()
    assert not Order.objects.exists()


@pytest.mark.parametrize(("seconds", "status"), [(299, 200), (-299, 200), (301, 401), (-301, 401)])
def test_a_standard_webhook_is_good_for_five_minutes(client, present, seconds, status):
    connection = connect("custom", secret="")
    assert connection.secret.startswith("whsec_")
    raw = body({"type": "product", "data": {"code": "MUG-1", "title": "Mug"}})
    given = standard(connection, raw, "msg_1", present + dt.timedelta(seconds=seconds))
    assert post(client, connection, raw, given).status_code == status
    assert Product.objects.exists() is (status == 200)


def test_unknown_and_switched_off_connections_look_the_same(client, woo):
    Connection.objects.update(enabled=False)
    off = send(client, woo, "order.created", WOO_ORDER)
    woo.uuid = "00000000-0000-4000-8000-000000000000"
    unknown = send(client, woo, "order.created", WOO_ORDER)
    assert (off.status_code, off.content) == (unknown.status_code, unknown.content) == (404, b"")


def test_only_post_is_answered_and_a_long_body_is_not_read(client, woo):
    assert client.get(f"/hooks/{woo.uuid}/").status_code == 405
    raw = b" " * (1024 * 1024 + 1)
    assert post(client, woo, raw, headers(woo, "order.created", raw)).status_code == 413
    assert not Receipt.objects.exists()


def test_who_guesses_is_slowed_down_and_the_shop_is_not(client, woo):
    statuses = [post(client, woo, b"{}", {}).status_code for _ in range(31)]
    assert statuses == [401] * 30 + [429]
    assert send(client, woo, "order.created", WOO_ORDER).status_code == 200


def test_the_question_of_woocommerce_whether_anybody_is_there_is_answered(client, woo):
    answer = client.post(f"/hooks/{woo.uuid}/", "webhook_id=7", content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 200
    assert not Receipt.objects.exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": None}, "order.number: is not there"),
        ({"date_created_gmt": "yesterday"}, "order.placed_at: “yesterday” is not a date"),
        ({"currency": "USD"}, "order: The currency is USD"),
        ({"line_items": [{"sku": "A", "quantity": 1, "price": "dear"}]}, "order.lines[0].unit_price: “dear”"),
        ({"line_items": "many"}, "order.lines: is no list"),
        ({"line_items": None}, "order.lines: is no list"),
        ({"line_items": []}, "order: There are no lines."),
        ({"billing": {"email": "not an address"}}, "customer.email"),
        ({"number_of": {"a": {}}, "id": {"deep": 1}}, "order.number: is a list or a group"),
    ],
)
def test_bad_data_is_a_refused_receipt_with_its_place_and_nothing_half_written(client, woo, change, reason):
    answer = send(client, woo, "order.created", {**WOO_ORDER, **change})
    assert (answer.status_code, answer.json()["state"]) == (202, "refused")
    receipt = Receipt.objects.get()
    assert receipt.detail.startswith(reason)
    assert [model.objects.count() for model in (Order, Event, Subscriber)] == [0, 0, 0]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{",
        b'{"a":' * 100_000,
        b'{"a":NaN}',
        b'{"a":1e999}',
        b'{"a":1,"a":2}',
        b'{"a":"\xff"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\\u0000"}',
        b'{"a":' + b"9" * 10_000 + b"}",
    ],
    ids=["empty", "list", "cut", "deep", "nan", "inf", "twice", "not utf-8", "surrogate", "nul", "digits"],
)
def test_what_is_no_sound_json_is_a_refused_receipt(client, woo, raw):
    assert post(client, woo, raw, headers(woo, "order.created", raw)).status_code == 202
    assert Receipt.objects.get().state == ReceiptState.REFUSED


def test_a_refused_payload_is_taken_once_the_mapping_is_mended(client, woo, maya):
    mended = woo.mapping
    Connection.objects.update(mapping={**mended, "order": {**mended["order"], "fields": {"number": "nothing"}}})
    send(client, woo, "order.created", WOO_ORDER)
    receipt = Receipt.objects.get()
    assert receipt.state == ReceiptState.REFUSED
    assert services.try_again(receipt=receipt, actor=maya).state == ReceiptState.REFUSED
    Connection.objects.update(mapping=mended)
    assert services.try_again(receipt=receipt, actor=maya).state == ReceiptState.TAKEN
    assert Order.objects.count() == 1


def test_a_topic_nobody_asked_for_is_ignored(client, woo):
    assert send(client, woo, "coupon.created", {"id": 1}).json()["state"] == "ignored"


def test_a_draft_of_the_checkout_is_a_cart_until_it_is_an_order(client, woo):
    draft = {**WOO_ORDER, "status": "checkout-draft", "date_modified_gmt": "2026-11-19T08:31:00"}
    send(client, woo, "order.created", draft, "1")
    assert (Cart.objects.get().state, Order.objects.exists()) == (CartState.ACTIVE, False)
    send(client, woo, "order.updated", WOO_ORDER, "2")
    assert (Cart.objects.get().state, Cart.objects.get().order.number) == (CartState.ORDERED, "727")


def test_the_story_of_a_sale_on_shopify(client):
    shop = connect("shopify")
    for number, (topic, payload) in enumerate(
        [
            ("products/create", SHOPIFY_PRODUCT),
            ("carts/update", SHOPIFY_CART),
            ("checkouts/create", SHOPIFY_CHECKOUT),
            ("orders/create", {**SHOPIFY_ORDER, "financial_status": "pending"}),
            ("orders/paid", SHOPIFY_ORDER),
            ("orders/fulfilled", {**SHOPIFY_ORDER, "fulfillment_status": "fulfilled"}),
            ("refunds/create", SHOPIFY_REFUND),
            ("orders/cancelled", {**SHOPIFY_ORDER, "cancelled_at": "2026-11-19T08:40:00Z"}),
        ]
    ):
        assert send(client, shop, topic, payload, str(number)).json()["state"] == "taken", topic
    ann = Subscriber.objects.get()
    assert list(Product.objects.order_by("code").values_list("code", "stock")) == [("2", 0), ("MUG-1", 38)]
    cart = Cart.objects.get()
    assert (cart.subscriber, cart.state, cart.order.number) == (ann, CartState.ORDERED, "820982911946154508")
    assert Refund.objects.get().subscriber == ann
    assert list(Event.objects.order_by("pk").values_list("name", flat=True)) == [
        "cart_updated",
        "checkout_started",
        "order_placed",
        "order_paid",
        "order_fulfilled",
        "order_refunded",
        "order_cancelled",
    ]


def test_a_cart_that_shopify_says_is_empty_is_emptied(client):
    shop = connect("shopify")
    send(client, shop, "checkouts/update", SHOPIFY_CHECKOUT, "1")
    empty = {**SHOPIFY_CART, "line_items": [], "updated_at": "2026-11-19T07:30:00Z"}
    assert send(client, shop, "carts/update", empty, "2").json()["state"] == "taken"
    assert Cart.objects.get().state == CartState.EMPTIED
    assert Event.objects.filter(name="cart_emptied").exists()


def test_a_known_customer_who_orders_with_another_address_stays_one_person(client, woo):
    send(client, woo, "order.created", WOO_ORDER, "1")
    other = {**WOO_ORDER, "id": 728, "billing": {**WOO_ORDER["billing"], "email": "ann@work.example"}}
    assert send(client, woo, "order.created", other, "2").json()["state"] == "taken"
    assert set(Order.objects.values_list("subscriber__email", flat=True)) == {"ann.whitaker@post.example"}


def test_guests_of_woocommerce_are_not_all_customer_nought(client, woo):
    for number in (1, 2):
        billing = {"email": f"guest{number}@post.example"}
        payload = {**WOO_ORDER, "id": number, "customer_id": 0, "billing": billing}
        assert send(client, woo, "order.created", payload, str(number)).json()["state"] == "taken"
    assert Order.objects.values("subscriber").distinct().count() == 2


def marketing(woo: Connection, **consent: str) -> None:
    fields = {**woo.mapping["order"]["fields"], "accepts_marketing": "newsletter"}
    mapping = {**woo.mapping, "order": {**woo.mapping["order"], "fields": fields}, "consent": consent}
    Connection.objects.update(mapping=mapping)


def test_a_yes_in_the_shop_joins_on_the_declared_basis_and_never_who_left(client, woo):
    topic = make_topic()
    ann = make_subscriber("ann.whitaker@post.example")
    marketing(woo, topic="news", basis="Box at the checkout")
    send(client, woo, "order.created", {**WOO_ORDER, "newsletter": False}, "1")
    assert not Subscription.objects.exists()
    send(client, woo, "order.updated", {**WOO_ORDER, "newsletter": True}, "2")
    assert Subscription.objects.get().state == "subscribed"
    assert ConsentEntry.objects.get().basis == "Box at the checkout"
    unsubscribe(subscriber=ann, topic=topic, source="page")
    send(client, woo, "order.updated", {**WOO_ORDER, "newsletter": True}, "3")
    assert Subscription.objects.get().state == "unsubscribed"
    assert ConsentEntry.objects.count() == 2


def test_erasing_a_person_takes_their_payloads_even_refused_ones(client, woo):
    ann = make_subscriber("ann.whitaker@post.example")
    send(client, woo, "order.created", WOO_ORDER, "1")
    send(client, woo, "order.created", {**WOO_ORDER, "currency": "USD"}, "2")
    declared = registries.personal_data.get("commerce.Receipt")
    assert (declared.count(ann), declared.erase(ann)) == (2, 2)
    assert not Receipt.objects.exists()


def test_payloads_are_kept_for_a_month(client, woo):
    send(client, woo, "order.created", WOO_ORDER)
    kept = registries.retention.get("receipts")
    assert kept.prune(NOW) == 0
    assert kept.prune(NOW + dt.timedelta(days=2)) == 1
    assert not Receipt.objects.exists()
