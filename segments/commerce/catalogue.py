"""The list of products: columns, filters, tabs, and how a product's stock is told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.db.models import Q, QuerySet, Sum
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from personalize.accounts.brand import shop_currency
from personalize.core import clock
from personalize.core.database import fold
from personalize.core.registries import ListColumn, ListFilter, ListView
from personalize.dashboard import figures
from personalize.dashboard.lists import Column, Lists
from personalize.dashboard.templatetags.dashboard import count, icon, state
from segments.commerce.models import OrderLine, OrderStatus, Product
from segments.commerce.money import main_units

PAGE = "products"
LOW = 25
SOLD_WITHIN = dt.timedelta(days=90)
MOST_CHOICES = 200


def products() -> Lists:
    """The catalogue as a list."""
    currency = shop_currency()
    return Lists(
        name=PAGE,
        columns=(
            Column("product", gettext_lazy("Product"), lambda one: one.title, show=_cell, sort=("title", "code")),
            Column("code", gettext_lazy("Code"), lambda one: one.code, sort=("code",), later=True, quiet=True),
            Column(
                "price",
                gettext_lazy("Price"),
                lambda one: None if one.price is None else main_units(one.price),
                show=lambda one: "–" if one.price is None else figures.money(one.price, currency),
                sort=("price",),
                number=True,
            ),
            Column("stock", gettext_lazy("Stock"), lambda one: one.stock, show=stock, sort=("stock",), later=True),
            Column("category", gettext_lazy("Category"), lambda one: one.category, only_exported=True),
            Column("brand", gettext_lazy("Brand"), lambda one: one.brand, only_exported=True),
        ),
        search=matching,
        search_label=gettext_lazy("Name, code"),
        filters=(
            ListFilter("category", PAGE, gettext_lazy("Category"), lambda: _named("category"), _of("category")),
            ListFilter("brand", PAGE, gettext_lazy("Brand"), lambda: _named("brand"), _of("brand")),
        ),
        views=(
            ListView("all", PAGE, gettext_lazy("All"), lambda rows: rows),
            ListView("low", PAGE, gettext_lazy("Low"), lambda rows: rows.filter(stock__gt=0, stock__lt=LOW)),
            ListView("out", PAGE, gettext_lazy("Out of stock"), lambda rows: rows.filter(stock__lte=0)),
            ListView("no-picture", PAGE, gettext_lazy("No picture"), lambda rows: rows.filter(image_url="")),
            ListView("withdrawn", PAGE, gettext_lazy("Not for sale"), lambda rows: rows.filter(active=False)),
        ),
        sort="product",
        export_action="report.view",
    )


def sold_column() -> ListColumn:
    """Pieces sold lately, of orders that were not cancelled."""
    return ListColumn(
        "sold",
        PAGE,
        gettext_lazy("Sold, 90 days"),
        values=_sold,
        show=lambda pieces, _product: count(pieces or 0),
        number=True,
        order=10,
    )


def sold_lines(products: Sequence[Product], since: dt.datetime | None = None) -> QuerySet[OrderLine]:
    """The lines that sold these products, of orders that stand."""
    lines = OrderLine.objects.filter(product__in=products).exclude(order__status=OrderStatus.CANCELLED)
    return lines.filter(placed_at__gte=since) if since else lines


def stock(product: Product) -> SafeString:
    """Dot and words: how many are left, as far as the shop says."""
    if not product.active:
        return state(_("Not for sale"))
    if product.stock is None:
        return state(_("Not known"))
    if product.stock <= 0:
        return state(_("Out"), "bad")
    if product.stock < LOW:
        return state(_("%d left") % product.stock, "warn")
    return state(product.stock, "good")


def matching(rows: QuerySet[Product], words: str) -> QuerySet[Product]:
    """Products whose title or code contains every word."""
    for word in fold(words).split():
        rows = rows.filter(Q(title__icontains=word) | Q(code__icontains=word))
    return rows


def picture() -> SafeString:
    """What stands for a product's picture: the dashboard fetches nothing from other hosts, so it shows none of them."""
    return format_html('<span class="picture no-picture">{}</span>', icon("image"))


def _cell(product: Product) -> SafeString:
    return format_html(
        '<span class="person">{}<span class="lines"><a class="row-link" href="{}">{}</a>'
        '<span class="second">{}</span></span></span>',
        picture(),
        reverse("commerce:product", args=[product.uuid]),
        product.title,
        product.category or product.code,
    )


def _named(column: str) -> list[tuple[str, Any]]:
    """The categories or brands there are; the folded form is the value, one spelling the label."""
    found = Product.objects.exclude(**{f"{column}_folded": ""}).order_by(f"{column}_folded", column)
    return list(dict(found.values_list(f"{column}_folded", column).distinct()).items())[:MOST_CHOICES]


def _of(column: str) -> Any:
    return lambda rows, value: rows.filter(**{f"{column}_folded": value})


def _sold(products: Sequence[Product]) -> dict[int, int]:
    lines = sold_lines(products, clock.now() - SOLD_WITHIN)
    return dict(lines.values("product").annotate(pieces=Sum("quantity")).values_list("product", "pieces"))
