"""Conditions about orders: how many, how much, when, and of what."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from segments.commerce.models import OrderStatus
from segments.segmentation.builder import figures
from segments.segmentation.builder.asks import window
from segments.segmentation.builder.editing import Raw, put, said
from segments.segmentation.builder.parts import Editor, Line, Search, Setting, Thing, pick
from segments.segmentation.rules.orders import FILTERS

GROSS = "sum gross"


def _metrics() -> list[tuple[str, str]]:
    return [
        ("count", _("were placed")),
        ("sum", _("are worth, less refunds,")),
        (GROSS, _("are worth, before refunds,")),
        ("avg", _("are on average worth")),
        ("min", _("had as the smallest one of")),
        ("max", _("had as the largest one of")),
        ("distinct", _("hold different products,")),
        ("first", _("were placed for the first time")),
        ("last", _("were placed for the last time")),
    ]


def fields() -> list[tuple[str, str]]:
    """What an order's lines can be narrowed down by."""
    return [
        ("category", _("category")),
        ("product", _("product")),
        ("brand", _("brand")),
        ("price", _("price of a piece")),
        ("quantity", _("quantity")),
        ("status", _("status")),
    ]


def _operators(field: str) -> tuple[str, ...]:
    return FILTERS.get(field, ("is",))


def _lines(raw: Raw, setting: Setting) -> list[Line]:
    metric = said(raw, "orders.metric")
    shown = GROSS if metric == "sum" and said(raw, "orders.gross") else metric
    first = [
        pick("orders.metric", _("What of the orders"), shown, _metrics()),
        *figures.comparison("orders", raw, counted=metric == "count"),
        window("orders.window", said(raw, "orders.window"), setting),
    ]
    filters = figures.filters(
        "orders.where",
        raw,
        fields=fields(),
        operators=_operators,
        search=lambda field: None if field == "status" else Search("orders", field),
        choices={"status": [(str(value), str(label)) for value, label in OrderStatus.choices]},
        numeric=lambda field, op: field in ("price", "quantity") and op != "in",
    )
    return figures.narrowing([first, *filters], figures.narrow("orders.where", _("Only some orders"), fields))


def _changed(raw: Raw, name: str, value: Any, setting: Setting) -> Raw:
    if name == "orders.metric":
        made = figures.measured("orders", raw, "sum" if value == GROSS else value)
        return dict(put(made, "orders.gross", True if value == GROSS else None))
    if name == "orders.op":
        return figures.compared("orders", raw, value)
    if name.endswith(figures.NARROW):
        return figures.narrowed("orders.where", raw, value, "in" if "in" in _operators(value) else "is")
    if ".where[" in name and not name.endswith("]"):
        return figures.filtered(raw, name, value, _operators)
    return dict(put(raw, name, value))


ORDERS = Editor(
    "orders",
    lambda setting: [
        Thing("orders", _("Orders"), _("What they did"), {"orders": {"metric": "count", "op": ">=", "value": 1}})
    ],
    lambda raw, setting: _("Orders"),
    _lines,
    _changed,
    order=20,
)
