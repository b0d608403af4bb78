"""The mappings a new connection begins with: the documented payloads of Shopify and WooCommerce, and our own plain form."""

from __future__ import annotations

import copy
from typing import Any

from segments.commerce.models import ConnectionKind

_SHOPIFY_PERSON = {
    "email": "email | customer.email",
    "customer_id": "customer.id",
    "first_name": "customer.first_name | billing_address.first_name",
    "last_name": "customer.last_name | billing_address.last_name",
    "country": "billing_address.country_code | customer.default_address.country_code",
    "city": "billing_address.city | customer.default_address.city",
    "postal_code": "billing_address.zip | customer.default_address.zip",
}
_SHOPIFY_LINES = {
    "lines": "line_items[*]",
    "code": "sku | variant_id | product_id",
    "quantity": "quantity",
    "unit_price": "price",
}

_SHOPIFY: dict[str, Any] = {
    "order": {
        "topics": [
            "orders/create",
            "orders/updated",
            "orders/paid",
            "orders/partially_fulfilled",
            "orders/fulfilled",
            "orders/cancelled",
        ],
        "fields": {
            # Refunds name their order by this id, so the number people read would lose them.
            "number": "id",
            "placed_at": "created_at",
            "changed_at": "updated_at",
            "status": "financial_status is refunded: refunded\n"
            "cancelled_at is not empty: cancelled\n"
            "fulfillment_status is fulfilled: fulfilled\n"
            "financial_status is paid, partially_refunded: paid\n"
            "otherwise: placed",
            "currency": "currency",
            "cart": "cart_token | checkout_token",
            **_SHOPIFY_LINES,
            **_SHOPIFY_PERSON,
        },
    },
    "cart": {
        "topics": ["carts/create", "carts/update", "checkouts/create", "checkouts/update"],
        "if": "completed_at is empty",
        "fields": {
            # A checkout names the cart it came from, a cart has its own token: both are one cart of ours.
            "key": "cart_token | token",
            "at": "updated_at | created_at",
            "checkout": "abandoned_checkout_url is not empty: yes",
            "url": "abandoned_checkout_url",
            "currency": "currency",
            **_SHOPIFY_LINES,
            **_SHOPIFY_PERSON,
        },
    },
    "refund": {
        "topics": ["refunds/create"],
        "fields": {
            "number": "id",
            "refunded_at": "processed_at | created_at",
            "order_number": "order_id",
            "lines": "refund_line_items[*]",
            "code": "line_item.sku | line_item.variant_id | line_item.product_id",
            "quantity": "quantity",
            "unit_price": "line_item.price",
        },
    },
    "product": {
        "topics": ["products/create", "products/update"],
        "fields": {
            "items": "variants[*]",
            "code": "sku | id",
            "title": "$.title",
            "category": "$.product_type",
            "brand": "$.vendor",
            "image_url": "$.image.src | $.images[0].src",
            "price": "price",
            "stock": "inventory_quantity",
            "active": "$.status is active: yes\notherwise: no",
        },
    },
    "customer": {
        "topics": ["customers/create", "customers/update"],
        "fields": {
            "email": "email",
            "customer_id": "id",
            "first_name": "first_name",
            "last_name": "last_name",
            "country": "default_address.country_code",
            "city": "default_address.city",
            "postal_code": "default_address.zip",
        },
    },
}

_WOOCOMMERCE_PERSON = {
    "email": "billing.email",
    "customer_id": "customer_id",
    "first_name": "billing.first_name",
    "last_name": "billing.last_name",
    "country": "billing.country",
    "city": "billing.city",
    "postal_code": "billing.postcode",
}
_WOOCOMMERCE_LINES = {
    "lines": "line_items[*]",
    "code": "sku | product_id",
    "quantity": "quantity",
    "unit_price": "price",
}
_WOOCOMMERCE_ORDERS = ["order.created", "order.updated", "order.restored"]

_WOOCOMMERCE: dict[str, Any] = {
    "order": {
        "topics": _WOOCOMMERCE_ORDERS,
        "if": "status is not checkout-draft, auto-draft, trash",
        "fields": {
            "number": "id",
            "placed_at": "date_created_gmt | date_created",
            "changed_at": "date_modified_gmt | date_modified",
            "status": "status is processing: paid\n"
            "status is completed: fulfilled\n"
            "status is cancelled: cancelled\n"
            "status is refunded: refunded\n"
            "otherwise: placed",
            "currency": "currency",
            # What begins as a draft of the checkout keeps its id when it becomes an order.
            "cart": "id",
            **_WOOCOMMERCE_LINES,
            **_WOOCOMMERCE_PERSON,
        },
    },
    "cart": {
        "topics": _WOOCOMMERCE_ORDERS,
        "if": "status is checkout-draft",
        "fields": {
            "key": "id",
            "at": "date_modified_gmt | date_created_gmt",
            "checkout": '"yes"',
            "currency": "currency",
            **_WOOCOMMERCE_LINES,
            **_WOOCOMMERCE_PERSON,
        },
    },
    "product": {
        "topics": ["product.created", "product.updated", "product.restored"],
        "fields": {
            "code": "sku | id",
            "title": "name",
            "description": "short_description",
            "url": "permalink",
            "image_url": "images[0].src",
            "category": "categories[0].name",
            "brand": "brands[0].name",
            "price": "price",
            "stock": "stock_quantity",
            "active": "status is publish: yes\notherwise: no",
        },
    },
    "customer": {
        "topics": ["customer.created", "customer.updated"],
        "fields": {
            "email": "email",
            "customer_id": "id",
            "first_name": "first_name",
            "last_name": "last_name",
            "country": "billing.country",
            "city": "billing.city",
            "postal_code": "billing.postcode",
        },
    },
}

_CUSTOM_PERSON = {
    "email": "data.customer.email",
    "customer_id": "data.customer.id",
    "first_name": "data.customer.first_name",
    "last_name": "data.customer.last_name",
}
_CUSTOM_LINES = {"lines": "data.lines[*]", "code": "code", "quantity": "quantity", "unit_price": "unit_price"}

_CUSTOM: dict[str, Any] = {
    "order": {
        "topics": ["order"],
        "fields": {
            "number": "data.number",
            "placed_at": "data.placed_at",
            "changed_at": "data.changed_at | timestamp",
            "status": "data.status",
            "currency": "data.currency",
            "cart": "data.cart",
            **_CUSTOM_LINES,
            **_CUSTOM_PERSON,
        },
    },
    "cart": {
        "topics": ["cart"],
        "fields": {
            "key": "data.key",
            "at": "data.at | timestamp",
            "checkout": "data.checkout",
            "url": "data.url",
            "currency": "data.currency",
            **_CUSTOM_LINES,
            **_CUSTOM_PERSON,
        },
    },
    "refund": {
        "topics": ["refund"],
        "fields": {
            "number": "data.number",
            "refunded_at": "data.refunded_at | timestamp",
            "order_number": "data.order",
            **_CUSTOM_LINES,
        },
    },
    "product": {
        "topics": ["product"],
        "fields": {
            name: f"data.{name}"
            for name in (
                "code",
                "title",
                "description",
                "url",
                "image_url",
                "category",
                "brand",
                "price",
                "stock",
                "active",
            )
        },
    },
    "customer": {
        "topics": ["customer"],
        "fields": {
            "email": "data.email",
            "customer_id": "data.id",
            **{
                name: f"data.{name}"
                for name in ("first_name", "last_name", "language", "country", "city", "postal_code")
            },
        },
    },
}

_READY = {
    ConnectionKind.SHOPIFY: _SHOPIFY,
    ConnectionKind.WOOCOMMERCE: _WOOCOMMERCE,
    ConnectionKind.CUSTOM: _CUSTOM,
}


def mapping(kind: str) -> dict[str, Any]:
    """A copy of the ready mapping for this kind of shop."""
    return copy.deepcopy(_READY[ConnectionKind(kind)])
