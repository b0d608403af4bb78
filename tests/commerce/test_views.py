"""Connections are made, mapped and mended in the dashboard; products are listed; carts stand on the timeline."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from segments.commerce import services
from segments.commerce.models import Connection, Order, Receipt
from segments.commerce.signatures import Delivery
from segments.commerce.types import CartRow, LineRow
from tests.commerce.payloads import WOO_ORDER, body, connect
from tests.factories import NOW, make_order, make_product, make_subscriber

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("brand")]


@pytest.fixture
def owner(client: Client, maya: Any) -> Client:
    client.force_login(maya)
    return client


@pytest.fixture
def woo(db: None) -> Connection:
    return connect("woocommerce")


def fields(connection: Connection, client: Client, thing: str = "order") -> dict[str, Any]:
    """What the mapping form would send as it stands."""
    form = client.get(f"/settings/connections/{connection.uuid}/mapping/?thing={thing}").context["form"]
    return {name: "" if (value := form[name].value()) is None else value for name in form.fields}


def test_a_connection_is_made_and_shows_its_address_and_secret(owner):
    made = owner.post(
        "/settings/connections/new/", {"kind": "woocommerce", "name": "Shop", "secret": "", "source": "shop"}
    )
    connection = Connection.objects.get()
    page = owner.get(made["Location"]).content.decode()
    assert f"/hooks/{connection.uuid}/" in page
    assert connection.secret in page
    assert len(connection.secret) > 40


def test_shopify_needs_its_own_secret_and_a_name_is_taken_once(owner, woo):
    page = owner.post(
        "/settings/connections/new/", {"kind": "shopify", "name": woo.name, "secret": "", "source": "shop"}
    )
    assert set(page.context["form"].errors) == {"name", "secret"}


def test_only_who_may_edit_settings_sees_connections(client, priya, woo):
    client.force_login(priya)
    assert client.get("/settings/connections/").status_code == 403
    assert client.get(f"/settings/connections/{woo.uuid}/").status_code == 403


def test_a_refused_payload_is_shown_escaped_and_tried_again(owner, woo):
    nasty = {**WOO_ORDER, "note": "<script>alert(1)</script>", "currency": "USD"}
    services.receive(connection=woo, delivery=Delivery("1", "order.created", body(nasty)))
    receipt = Receipt.objects.get()
    address = f"/settings/connections/{woo.uuid}/receipts/{receipt.uuid}/"
    page = owner.get(address).content.decode()
    assert "The currency is USD" in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page
    mapping = {**woo.mapping, "order": {**woo.mapping["order"]}}
    mapping["order"]["fields"] = {name: text for name, text in mapping["order"]["fields"].items() if name != "currency"}
    Connection.objects.update(mapping=mapping)
    owner.post(f"{address}again/")
    assert Order.objects.get().number == "727"


def test_trying_a_mapping_stores_nothing_and_shows_what_it_read(owner, woo):
    sent = {**fields(woo, owner), "sample": body(WOO_ORDER).decode(), "sample_topic": "order.created", "try": ""}
    page = owner.post(f"/settings/connections/{woo.uuid}/mapping/?thing=order", sent)
    assert "This would be stored" in page.content.decode()
    assert "Lambswool" in page.content.decode()
    assert not Order.objects.exists()
    assert not Receipt.objects.exists()


def test_a_fault_stands_at_its_field_and_nothing_typed_is_lost(owner, woo):
    sent = {**fields(woo, owner), "field_number": "no..place", "sample": "{}", "save": ""}
    page = owner.post(f"/settings/connections/{woo.uuid}/mapping/?thing=order", sent)
    assert "is not a place" in page.context["form"].errors["field_number"][0]
    assert 'value="no..place"' in page.content.decode()
    missing = {**fields(woo, owner), "sample": "{}", "sample_topic": "order.created", "try": ""}
    page = owner.post(f"/settings/connections/{woo.uuid}/mapping/?thing=order", missing)
    assert "field_number" in page.context["form"].errors


def test_a_mapping_is_saved_unless_somebody_was_faster(owner, woo):
    sent = {**fields(woo, owner), "field_number": "number", "save": ""}
    address = f"/settings/connections/{woo.uuid}/mapping/?thing=order"
    assert owner.post(address, sent).status_code == 302
    assert Connection.objects.get().mapping["order"]["fields"]["number"] == "number"
    owner.post(address, {**sent, "field_number": "id"})
    assert Connection.objects.get().mapping["order"]["fields"]["number"] == "number"
    assert Connection.objects.get().mapping["cart"] == woo.mapping["cart"]


def test_a_connection_is_switched_off_and_on(owner, woo):
    for enabled in (False, True):
        owner.post(f"/settings/connections/{woo.uuid}/", {"enabled": "1" if enabled else "0"})
        assert Connection.objects.get().enabled is enabled


def test_sites_are_kept_as_origins(owner):
    connection = connect("custom")
    address = f"/settings/connections/{connection.uuid}/"
    owner.post(address, {"origins": "https://shop.example/cart?a=1\nhttp://127.0.0.1:8000"})
    assert Connection.objects.get().origins == ["https://shop.example", "http://127.0.0.1:8000"]
    refused = owner.post(address, {"origins": "javascript:alert(1)"})
    assert "is not a site" in refused.content.decode()
    assert len(Connection.objects.get().origins) == 2


def test_products_are_found_by_name_code_category_and_stock(owner):
    mug = make_product("MUG-1", title="Stoneware mug", category="Tableware", stock=3)
    make_product("TEA-1", title="Teapot", category="Tableware", stock=0)
    make_order(make_subscriber(), (mug, 4, 140_000))
    for query, titles in (
        ("q=mug-1", ["Stoneware mug"]),
        ("q=stone", ["Stoneware mug"]),
        ("category=tableware", ["Stoneware mug", "Teapot"]),
        ("view=out", ["Teapot"]),
        ("view=low", ["Stoneware mug"]),
    ):
        page = owner.get(f"/products/?{query}")
        assert [product.title for product in page.context["list"].page] == titles
    exported = b"".join(owner.get("/products/?format=csv").streaming_content).decode()
    assert "Stoneware mug,4,MUG-1,14,3,Tableware," in exported
    assert "£56.00" in owner.get(f"/products/{mug.uuid}/").content.decode()


def test_a_cart_is_one_entry_of_the_timeline_and_a_status_one_each(owner, woo):
    ann = make_subscriber("ann.whitaker@post.example")
    make_product("MUG-1", title="Stoneware mug")
    row = CartRow("c1", NOW, [LineRow("MUG-1", 2, Decimal("14"))], email="ann.whitaker@post.example", checkout=True)
    services.store_carts(rows=[row])
    services.receive(connection=woo, delivery=Delivery("1", "order.created", body(WOO_ORDER)))
    page = owner.get(f"/subscribers/{ann.uuid}/")
    told = [item["entry"].verb for _day, items in page.context["days"] for item in items]
    assert sorted(map(str, told)) == ["Began to pay", "Ordered", "Paid"]
    assert "2 × Stoneware mug" in page.content.decode()
