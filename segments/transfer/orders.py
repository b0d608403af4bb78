"""Rows of a file become orders and refunds; one is stored whole or not at all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from django.utils.translation import gettext as _

from segments.commerce.services import store_orders, store_refunds
from segments.commerce.types import LineRow, OrderRow, RefundRow, StoreResult
from segments.transfer.models import Import
from segments.transfer.types import Group, Layout, Record, Steps, Tally
from segments.transfer.values import Bad, instant, number, whole

Orders = tuple[list[Group], list[OrderRow]]
Refunds = tuple[list[Group], list[RefundRow]]


def steps(job: Import, layout: Layout) -> Steps:
    """Orders are stored, and refunds of their own where the option ``refund_prefix`` begins their number.

    Orders of customers nobody knows are stored without a person and counted. The option ``customer_source`` names the
    system whose ids the customers' are, if that is not the source of the file.
    """
    prefix = job.options.get("refund_prefix", "")
    known = {"source": job.source, "customer_source": job.options.get("customer_source") or job.source}

    def prepare(groups: Sequence[Group], tally: Tally) -> tuple[Orders, Refunds]:
        orders: Orders = ([], [])
        refunds: Refunds = ([], [])
        for group in groups:
            row = _document(group, layout, prefix)
            if isinstance(row, OrderRow):
                orders[0].append(group)
                orders[1].append(row)
            elif isinstance(row, RefundRow):
                refunds[0].append(group)
                refunds[1].append(row)
            else:
                _reject_whole(group, row, tally)
        return orders, refunds

    def store(prepared: tuple[Orders, Refunds], tally: Tally) -> None:
        orders, refunds = prepared
        _note(store_orders(rows=orders[1], historic=True, **known), orders[0], "orders", tally)
        _note(store_refunds(rows=refunds[1], historic=True, **known), refunds[0], "refunds", tally)

    return Steps(prepare, store)


def _note(result: StoreResult, groups: Sequence[Group], kind: str, tally: Tally) -> None:
    """Count what was stored and reject what was refused."""
    for refused in result.refused:
        _reject_whole(groups[refused.index], (groups[refused.index][0], refused.reason), tally)
    for name in ("created", "updated", "unchanged"):
        tally.counts[f"{kind}_{name}"] += getattr(result, name)
    tally.counts["unknown_customers"] += len(result.unknown)


def _reject_whole(group: Group, fault: tuple[Record, str], tally: Tally) -> None:
    """An order with one bad line is not stored, because its sum would be wrong."""
    culprit, reason = fault
    for record in group:
        tally.reject(
            record, reason if record is culprit else _("belongs to the order rejected at line %d") % culprit.line
        )


def _document(group: Group, layout: Layout, refund_prefix: str) -> OrderRow | RefundRow | tuple[Record, str]:
    """The order or refund that the rows make up, or the row at fault and why."""
    first = group[0]
    number_ = layout.value(first, "number").strip()
    refund = bool(refund_prefix) and number_.startswith(refund_prefix)
    lines, times = [], []
    for record in group:
        line = _line(record, layout, -1 if refund else 1)
        if isinstance(line, Bad):
            return record, line.reason
        lines.append(line[0])
        times.append(line[1])
    said = {}
    for field in ("customer_id", "email", "status", "order_number"):
        words = {layout.value(record, field).strip() for record in group} - {""}
        if len(words) > 1:
            return first, _("the rows of this order name more than one %s") % field
        said[field] = words.pop() if words else ""
    customer = {"customer_id": said["customer_id"], "email": said["email"]}
    if refund:
        return RefundRow(number_, min(times), lines, order_number=said["order_number"], **customer)
    return OrderRow(number_, min(times), lines, status=said["status"] or "placed", **customer)


def _line(record: Record, layout: Layout, sign: int) -> tuple[LineRow, dt.datetime] | Bad:
    """A line and its time."""
    if record.problem:
        return Bad(record.problem)
    quantity = whole(layout.value(record, "quantity"))
    if isinstance(quantity, Bad):
        return quantity
    price = number(layout.value(record, "unit_price"))
    if isinstance(price, Bad):
        return price
    placed_at = instant(layout.value(record, "placed_at"))
    if isinstance(placed_at, Bad):
        return placed_at
    return LineRow(layout.value(record, "product").strip(), sign * quantity, price), placed_at
