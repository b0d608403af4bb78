"""Rows of a file become products."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from segments.commerce.services import store_products
from segments.commerce.types import ProductRow
from segments.transfer.models import Import
from segments.transfer.rows import given, last_of_each
from segments.transfer.types import Group, Layout, Record, Steps, Tally
from segments.transfer.values import Bad, answer, number, whole

_READERS: dict[str, Callable[[str], Any]] = {"price": number, "stock": whole, "active": answer}


def steps(job: Import, layout: Layout) -> Steps:
    """Products become as the rows say."""

    def prepare(groups: Sequence[Group], tally: Tally) -> tuple[list[Record], list[ProductRow]]:
        records, rows = [], []
        for record in last_of_each(groups, lambda record: layout.value(record, "code").strip(), tally):
            read = {name: _READERS.get(name, str)(text) for name, text in given(record, layout.places).items()}
            bad = next((f"{name}: {value.reason}" for name, value in read.items() if isinstance(value, Bad)), None)
            if bad:
                tally.reject(record, bad)
            else:
                records.append(record)
                rows.append(ProductRow(**{**read, "code": read.get("code", "").strip()}))
        return records, rows

    def store(prepared: tuple[list[Record], list[ProductRow]], tally: Tally) -> None:
        records, rows = prepared
        result = store_products(rows=rows)
        for refused in result.refused:
            tally.reject(records[refused.index], refused.reason)
        tally.counts.update(created=result.created, updated=result.updated, unchanged=result.unchanged)

    return Steps(prepare, store)
