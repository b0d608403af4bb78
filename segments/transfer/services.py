"""Imports: a file's good rows become people, products, orders and refunds; the same file again changes nothing.

Rows go in by chunks, each its own transaction, so that an import may be stopped anywhere and run again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from personalize.core.database import refresh_statistics
from segments.commerce import services as commerce
from segments.commerce.types import LineRow, OrderRow, ProductRow, RefundRow, StoreResult
from segments.consent.models import Topic
from segments.consent.services import bulk_subscribe
from segments.subscribers.models import AttributeDefinition
from segments.subscribers.services import upsert_subscribers
from segments.subscribers.types import SubscriberRow
from segments.transfer.fields import ORDER_FIELDS, PRODUCT_FIELDS, SUBSCRIBER_FIELDS
from segments.transfer.files import Table
from segments.transfer.mapping import ATTRIBUTE, places
from segments.transfer.rejects import Rejects
from segments.transfer.types import Job, Record, Summary
from segments.transfer.values import Bad, answer, instant, number, whole

# Large enough that an index page is written once for many rows, small enough to stop within seconds.
CHUNK_ROWS = 20_000

Group = list[Record]


def import_subscribers(*, job: Job, topic: Topic | None = None, basis: str = "") -> Summary:
    """Import people, one a row, and join them to ``topic`` on the declared legal ``basis``.

    Without a basis they wait for confirmation. Nobody who left, complained, is suppressed or was erased is joined.
    """
    table = Table(job.path, job.encoding)
    attributes = list(AttributeDefinition.objects.values_list("key", flat=True))
    at = places(table.header, job.columns, SUBSCRIBER_FIELDS, ["email"], attributes)
    plain = {field: place for field, place in at.items() if not field.startswith(ATTRIBUTE)}
    own = {field.removeprefix(ATTRIBUTE): place for field, place in at.items() if field.startswith(ATTRIBUTE)}

    def store(groups: Sequence[Group], summary: Summary, rejects: Rejects) -> None:
        records = _last_of_each(groups, summary, rejects)
        rows = [
            SubscriberRow(
                **{"email": "", "external_id": "", **_given(record, plain)},
                attributes={key: record.values[place] for key, place in own.items() if record.values[place].strip()},
            )
            for record in records
        ]
        result = upsert_subscribers(rows=rows, source=job.source)
        for refused in result.refused:
            rejects.add(records[refused.index], str(refused.refusal))
        summary.counts.update(
            created=result.created,
            updated=result.updated,
            unchanged=result.unchanged,
            superseded=result.superseded,
            erased=result.erased,
        )
        if topic is not None:
            people = [person for person in result.ids if person is not None]
            joined = bulk_subscribe(subscriber_ids=people, topic=topic, source=f"import:{job.source}"[:80], basis=basis)
            summary.counts.update(
                subscribed=joined.subscribed,
                pending=joined.pending,
                already_subscribed=joined.unchanged,
                kept_out=joined.kept_out,
            )

    return _run(job, table, at, lambda record: _value(record, at["email"]).strip().casefold(), store)


def import_products(*, job: Job) -> Summary:
    """Import products, one a row."""
    table = Table(job.path, job.encoding)
    at = places(table.header, job.columns, PRODUCT_FIELDS, ["code"])
    readers: dict[str, Callable[[str], Any]] = {"price": number, "stock": whole, "active": answer}

    def store(groups: Sequence[Group], summary: Summary, rejects: Rejects) -> None:
        records, rows = [], []
        for record in _last_of_each(groups, summary, rejects):
            given = {name: readers.get(name, str)(text) for name, text in _given(record, at).items()}
            bad = next((f"{name}: {value.reason}" for name, value in given.items() if isinstance(value, Bad)), None)
            if bad:
                rejects.add(record, bad)
            else:
                records.append(record)
                rows.append(ProductRow(**{**given, "code": given.get("code", "").strip()}))
        result = commerce.store_products(rows=rows)
        _note(result, [[record] for record in records], "", summary, rejects)

    return _run(job, table, at, lambda record: _value(record, at["code"]).strip(), store)


def import_orders(*, job: Job, customer_source: str = "", refund_prefix: str = "") -> Summary:
    """Import orders, one line of an order a row; an order is stored whole or not at all.

    Numbers that begin with ``refund_prefix`` are refunds of their own, whose quantities stand in the file with a minus.
    Orders of customers nobody knows are stored without a person and counted.
    """
    table = Table(job.path, job.encoding)
    needed = ["number", "product", "quantity", "unit_price", "placed_at"]
    at = places(table.header, job.columns, ORDER_FIELDS, needed)

    def store(groups: Sequence[Group], summary: Summary, rejects: Rejects) -> None:
        orders: tuple[list[Group], list[OrderRow]] = ([], [])
        refunds: tuple[list[Group], list[RefundRow]] = ([], [])
        for group in groups:
            row = _document(group, at, refund_prefix)
            if isinstance(row, OrderRow):
                orders[0].append(group)
                orders[1].append(row)
            elif isinstance(row, RefundRow):
                refunds[0].append(group)
                refunds[1].append(row)
            else:
                _reject_whole(group, row, rejects)
        known = {"source": job.source, "customer_source": customer_source or job.source}
        _note(commerce.store_orders(rows=orders[1], historic=True, **known), orders[0], "orders_", summary, rejects)
        _note(commerce.store_refunds(rows=refunds[1], historic=True, **known), refunds[0], "refunds_", summary, rejects)

    return _run(job, table, at, lambda record: _value(record, at["number"]).strip(), store)


def _run(
    job: Job,
    table: Table,
    at: Mapping[str, int],
    key: Callable[[Record], str],
    store: Callable[[Sequence[Group], Summary, Rejects], None],
) -> Summary:
    """Read the file to its end once, then store it by chunks; a dry run takes every chunk back."""
    survey = table.survey(key)
    unused = [name for place, name in enumerate(table.header) if place not in at.values()]
    summary = Summary(dry_run=job.dry_run, ignored_columns=unused)
    with Rejects(None if job.dry_run else job.rejects, table.header) as rejects:
        chunk: list[Group] = []
        waiting = 0

        def flush() -> None:
            with transaction.atomic():
                store(chunk, summary, rejects)
                transaction.set_rollback(job.dry_run)
            summary.rows += waiting
            job.progress(summary.rows, survey.rows)

        for group in table.groups(key, survey):
            chunk.append(group)
            waiting += len(group)
            if waiting < CHUNK_ROWS:
                continue
            flush()
            chunk, waiting = [], 0
            if job.stopped():
                summary.interrupted = summary.rows < survey.rows
                break
        if chunk:
            flush()
        summary.rejected, summary.examples = rejects.count, rejects.examples
    if not job.dry_run:
        refresh_statistics()
    return summary


def _value(record: Record, place: int) -> str:
    return record.values[place] if place < len(record.values) else ""


def _given(record: Record, at: Mapping[str, int]) -> dict[str, str]:
    """What the row says; an empty cell says nothing, so that it changes nothing."""
    return {field: record.values[place] for field, place in at.items() if record.values[place].strip()}


def _last_of_each(groups: Sequence[Group], summary: Summary, rejects: Rejects) -> list[Record]:
    """The last row of every group where it has the right shape; the earlier ones are superseded."""
    found = []
    for *earlier, last in groups:
        for record in earlier:
            rejects.add(record, _("superseded by line %d") % last.line)
        if last.problem:
            rejects.add(last, last.problem)
        else:
            found.append(last)
    return found


def _note(result: StoreResult, groups: Sequence[Group], prefix: str, summary: Summary, rejects: Rejects) -> None:
    """Count what was stored and reject what was refused."""
    for refused in result.refused:
        _reject_whole(groups[refused.index], (groups[refused.index][0], refused.reason), rejects)
    for name in ("created", "updated", "unchanged"):
        summary.counts[f"{prefix}{name}"] += getattr(result, name)
    if prefix:
        summary.counts["unknown_customers"] += len(result.unknown)


def _reject_whole(group: Group, fault: tuple[Record, str], rejects: Rejects) -> None:
    """An order with one bad line is not stored, because its sum would be wrong."""
    culprit, reason = fault
    for record in group:
        rejects.add(
            record, reason if record is culprit else _("belongs to the order rejected at line %d") % culprit.line
        )


def _document(group: Group, at: Mapping[str, int], refund_prefix: str) -> OrderRow | RefundRow | tuple[Record, str]:
    """The order or refund that the rows make up, or the row at fault and why."""
    first = group[0]
    number_ = _value(first, at["number"]).strip()
    refund = bool(refund_prefix) and number_.startswith(refund_prefix)
    lines, times = [], []
    for record in group:
        line = _line(record, at, -1 if refund else 1)
        if isinstance(line, Bad):
            return record, line.reason
        lines.append(line[0])
        times.append(line[1])
    said = {}
    for field in ("customer_id", "email", "status", "order_number"):
        words = {record.values[at[field]].strip() for record in group} - {""} if field in at else set()
        if len(words) > 1:
            return first, _("the rows of this order name more than one %s") % field
        said[field] = words.pop() if words else ""
    customer = {"customer_id": said["customer_id"], "email": said["email"]}
    if refund:
        return RefundRow(number_, min(times), lines, order_number=said["order_number"], **customer)
    return OrderRow(number_, min(times), lines, status=said["status"] or "placed", **customer)


def _line(record: Record, at: Mapping[str, int], sign: int) -> tuple[LineRow, dt.datetime] | Bad:
    """A line and its time."""
    if record.problem:
        return Bad(record.problem)
    values = record.values
    quantity = whole(values[at["quantity"]])
    if isinstance(quantity, Bad):
        return quantity
    price = number(values[at["unit_price"]])
    if isinstance(price, Bad):
        return price
    placed_at = instant(values[at["placed_at"]])
    if isinstance(placed_at, Bad):
        return placed_at
    return LineRow(values[at["product"]].strip(), sign * quantity, price), placed_at
