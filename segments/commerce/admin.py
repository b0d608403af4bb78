"""The administration's pages for what the shop sells and sold."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline

from personalize.core import clock
from personalize.core.administration import ReadOnlyAdmin
from personalize.core.database import fold
from segments.commerce.models import (
    Cart,
    CartLine,
    Connection,
    Order,
    OrderLine,
    Product,
    Receipt,
    Refund,
    RefundLine,
)
from segments.commerce.money import main_units


@admin.register(Product)
class ProductAdmin(ModelAdmin):  # type: ignore[misc]  # unfold brings no types.
    list_display = ("code", "title", "category", "brand", "price_in_main_units", "stock", "active")
    list_filter = ("active", "category", "brand")
    search_fields = ("=code", "title")
    readonly_fields = ("created_at", "updated_at", "price_in_main_units")
    show_full_result_count = False

    @admin.display(description=_("Price"), ordering="price")
    def price_in_main_units(self, product: Product) -> Decimal | None:
        return None if product.price is None else main_units(product.price)

    def save_model(self, request: HttpRequest, obj: Product, form: Any, change: bool) -> None:
        obj.category_folded, obj.brand_folded = fold(obj.category)[:120], fold(obj.brand)[:120]
        obj.updated_at = clock.now()
        obj.created_at = obj.created_at or obj.updated_at
        super().save_model(request, obj, form, change)


class _Lines(TabularInline):  # type: ignore[misc]  # unfold brings no types.
    fields = ("position", "code", "product", "quantity", "unit_price", "amount")
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class OrderLines(_Lines):
    model = OrderLine


class RefundLines(_Lines):
    model = RefundLine


class _LedgerAdmin(ReadOnlyAdmin):
    list_select_related: tuple[str, ...] = ("subscriber",)
    search_fields = ("=number", "=subscriber__email")

    @admin.display(description=_("Total"), ordering="total")
    def total_in_main_units(self, kept: Order | Refund) -> Decimal:
        return main_units(kept.total)


@admin.register(Order)
class OrderAdmin(_LedgerAdmin):
    """Read only: orders come from the shop, and their sum is that of their lines."""

    list_display = ("number", "placed_at", "subscriber", "status", "total_in_main_units", "source")
    list_filter = ("status", "source")
    inlines = (OrderLines,)


@admin.register(Refund)
class RefundAdmin(_LedgerAdmin):
    """Read only, as orders are."""

    list_display = ("number", "refunded_at", "subscriber", "order", "total_in_main_units", "source")
    list_filter = ("source",)
    list_select_related = ("subscriber", "order")
    inlines = (RefundLines,)


class CartLineInline(TabularInline):  # type: ignore[misc]  # unfold brings no types.
    model = CartLine
    extra = 0
    can_delete = False
    readonly_fields = ("position", "product", "code", "quantity", "unit_price", "amount")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Cart)
class CartAdmin(ReadOnlyAdmin):
    list_display = ("key", "source", "subscriber", "state", "last_activity_at")
    list_filter = ("state", "source")
    list_select_related = ("subscriber",)
    search_fields = ("=key",)
    inlines = (CartLineInline,)


@admin.register(Connection)
class ConnectionAdmin(ReadOnlyAdmin):
    exclude = ("secret",)
    list_display = ("name", "kind", "enabled", "created_at")


@admin.register(Receipt)
class ReceiptAdmin(ReadOnlyAdmin):
    list_display = ("received_at", "connection", "topic", "state", "detail")
    list_filter = ("state", "connection")
    list_select_related = ("connection",)
