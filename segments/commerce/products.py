"""Writing products: what a row sets, checked, and many of them with a fixed number of statements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext as _

from personalize.core import clock, hooks
from personalize.core.database import fold
from segments.commerce.checks import MAX_INT
from segments.commerce.models import CartLine, OrderLine, Product, RefundLine
from segments.commerce.money import units
from segments.commerce.types import ProductRow
from segments.subscribers.profile import clean_text

_TEXTS = {"title": 255, "description": 10_000, "url": 1000, "image_url": 1000, "category": 120, "brand": 120}

_GROUPS = {"category_folded", "brand_folded"}
"""What rules ask about the products that people bought."""


def columns(row: ProductRow) -> dict[str, Any] | str:
    """The columns that the row sets, or why it is refused."""
    if not row.code or len(row.code) > 64 or clean_text(row.code) != row.code:
        return _("The product code is empty, longer than 64 characters or has invisible marks.")
    found: dict[str, Any] = {}
    for name, limit in _TEXTS.items():
        text = getattr(row, name)
        if text is None:
            continue
        text = clean_text(text)
        if len(text) > limit:
            return _("%(field)s is longer than %(limit)d characters.") % {"field": name, "limit": limit}
        if text and name in ("url", "image_url") and not text.startswith(("https://", "http://")):
            return _("%s is not an address that starts with https://.") % name
        found[name] = text
        if name in ("category", "brand"):
            found[f"{name}_folded"] = fold(text)[:limit]
    if row.price is not None:
        found["price"] = units(row.price)
        if found["price"] is None or found["price"] < 0:
            return _("The price %s is not an amount of money.") % row.price
    if row.stock is not None:
        if abs(row.stock) > MAX_INT:
            return _("The stock %d is beyond all reason.") % row.stock
        found["stock"] = row.stock
    if row.active is not None:
        found["active"] = row.active
    return found


def write(wanted: Mapping[str, dict[str, Any]]) -> tuple[int, int]:
    """Store products by code, in the order given; returns how many are new and how many changed."""
    now = clock.now()
    locked = Product.objects.select_for_update().filter(code__in=wanted).order_by("pk")
    stored = {product.code: product for product in locked}
    regrouped = False
    new: list[Product] = []
    changed: list[Product] = []
    for code, columns in wanted.items():
        product = stored.get(code) or Product(code=code, created_at=now)
        columns["title"] = columns.get("title", product.title) or code
        differing = [name for name, value in columns.items() if getattr(product, name) != value]
        for name in differing:
            setattr(product, name, columns[name])
        if differing:
            product.updated_at = now
            (changed if product.pk else new).append(product)
            regrouped |= not _GROUPS.isdisjoint(differing)
    columns_of_products = [*_TEXTS, "category_folded", "brand_folded", "price", "stock", "active", "updated_at"]
    Product.objects.bulk_create(new, update_conflicts=True, unique_fields=["code"], update_fields=columns_of_products)
    Product.objects.bulk_update(changed, columns_of_products)
    found = Product.objects.filter(code=OuterRef("code")).values("pk")[:1]
    for lines in (OrderLine, RefundLine, CartLine):
        lines._default_manager.filter(code__in=[product.code for product in new], product__isnull=True).update(
            product=Subquery(found)
        )
    if regrouped:
        # Of whoever bought one of them or looked at it.
        hooks.facts_changed(subscriber_ids=None)
    return len(new), len(changed)
