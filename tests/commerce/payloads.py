"""Payloads as shops send them, cut to what matters, and their signatures."""

from __future__ import annotations

import base64
import datetime as dt
import hmac
import json
from typing import Any

from segments.commerce.models import Connection
from segments.commerce.services import create_connection
from segments.commerce.signatures import signing_key
from tests.factories import NOW

WOO_ORDER: dict[str, Any] = {
    "id": 727,
    "number": "727",
    "status": "processing",
    "currency": "GBP",
    "date_created_gmt": "2026-11-19T08:30:00",
    "date_modified_gmt": "2026-11-19T08:35:00",
    "customer_id": 26,
    "total": "100.50",
    "billing": {
        "first_name": "Ann",
        "last_name": "Whitaker",
        "city": "Bristol",
        "postcode": "BS1 4ND",
        "country": "GB",
        "email": "ann.whitaker@post.example",
    },
    "line_items": [
        {"id": 315, "name": "Stoneware mug, moss", "product_id": 93, "quantity": 3, "sku": "MUG-1", "price": 9.3333333},
        {"id": 316, "name": "Lambswool throw", "product_id": 94, "quantity": 1, "sku": "", "price": 72.5},
    ],
}

SHOPIFY_ORDER: dict[str, Any] = {
    "id": 820982911946154508,
    "name": "#1001",
    "email": "ann.whitaker@post.example",
    "created_at": "2026-11-19T08:30:00+01:00",
    "updated_at": "2026-11-19T08:35:00+01:00",
    "currency": "GBP",
    "financial_status": "paid",
    "fulfillment_status": None,
    "cancelled_at": None,
    "cart_token": "68778783ad298f1c80c3bafcddeea02f",
    "customer": {"id": 115310627314723954, "first_name": "Ann", "last_name": "Whitaker"},
    "line_items": [{"sku": "MUG-1", "quantity": 2, "price": "14.00", "product_id": 632910392}],
}

SHOPIFY_CART: dict[str, Any] = {
    "id": "68778783ad298f1c80c3bafcddeea02f",
    "token": "68778783ad298f1c80c3bafcddeea02f",
    "updated_at": "2026-11-19T07:20:00.000Z",
    "created_at": "2026-11-19T07:20:00.000Z",
    "line_items": [{"sku": "MUG-1", "quantity": 2, "price": "14.00", "product_id": 632910392}],
}

SHOPIFY_CHECKOUT: dict[str, Any] = {
    **SHOPIFY_CART,
    "id": 981820079255243537,
    "token": "eb65c1cd7ee7dfa1",
    "cart_token": "68778783ad298f1c80c3bafcddeea02f",
    "email": "ann.whitaker@post.example",
    "updated_at": "2026-11-19T07:25:00.000Z",
    "completed_at": None,
    "currency": "GBP",
    "abandoned_checkout_url": "https://alderandwren.example/checkouts/eb65c1cd7ee7dfa1/recover",
}

SHOPIFY_REFUND: dict[str, Any] = {
    "id": 929361464,
    "order_id": 820982911946154508,
    "created_at": "2026-11-19T08:38:00+00:00",
    "processed_at": "2026-11-19T08:38:00+00:00",
    "refund_line_items": [{"quantity": 1, "line_item": {"sku": "MUG-1", "price": "14.00"}}],
}

SHOPIFY_PRODUCT: dict[str, Any] = {
    "id": 788032119674292922,
    "title": "Stoneware mug",
    "vendor": "Alder & Wren",
    "product_type": "Tableware",
    "status": "active",
    "image": {"src": "https://cdn.alderandwren.example/mug.png"},
    "variants": [
        {"id": 1, "sku": "MUG-1", "price": "14.00", "inventory_quantity": 38},
        {"id": 2, "sku": None, "price": "16.00", "inventory_quantity": 0},
    ],
}


def connect(kind: str, **fields: Any) -> Connection:
    """A connection with the ready mapping of its kind."""
    given = {"name": f"A {kind}", "secret": "the-shop-knows-it", "source": "shop", "actor": "test", **fields}
    return create_connection(kind=kind, **given)


def headers(connection: Connection, topic: str, raw: bytes, id: str = "delivery-1") -> dict[str, str]:
    """What the shop sends along, signed with the connection's secret."""
    signature = base64.b64encode(hmac.digest(connection.secret.encode(), raw, "sha256")).decode()
    if connection.kind == "shopify":
        return {"X-Shopify-Hmac-Sha256": signature, "X-Shopify-Topic": topic, "X-Shopify-Webhook-Id": id}
    if connection.kind == "woocommerce":
        return {
            "X-WC-Webhook-Signature": signature,
            "X-WC-Webhook-Topic": topic,
            "X-WC-Webhook-Delivery-ID": id,
        }
    return standard(connection, raw, id, NOW + dt.timedelta(days=1))


def standard(connection: Connection, raw: bytes, id: str, at: dt.datetime) -> dict[str, str]:
    """The headers of Standard Webhooks."""
    stamp = str(int(at.timestamp()))
    mac = hmac.digest(signing_key(connection.secret), f"{id}.{stamp}.".encode() + raw, "sha256")
    signature = "v1," + base64.b64encode(mac).decode()
    return {"Webhook-Id": id, "Webhook-Timestamp": stamp, "Webhook-Signature": f"v1,bm90IGl0 {signature}"}


def body(payload: Any) -> bytes:
    return json.dumps(payload).encode()
