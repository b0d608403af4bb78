"""Inserting rows by the ten thousand: past the ORM's objects, with one way for each engine."""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, models

from personalize.core.database import is_postgres

# What COPY reads as something else than itself, and what no text column can hold.
_SPECIAL = re.compile("[\\\\\t\n\r\x00\ud800-\udfff]")
_ESCAPED = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}


def insert_rows(model: type[models.Model], columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert ``rows`` of plain values for the named database columns; nothing is returned, conflicts are errors.

    Moments must have gone through ``stored_moment``.
    """
    fill_table(model._meta.db_table, columns, rows)


def fill_table(table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert ``rows`` into a table of any kind, also a temporary one. Values are plain: None, texts, numbers, yes or no.

    NUL bytes and lone surrogates, which no text column holds, are left out; no text can make it fail.
    """
    if not rows:
        return
    quote = connection.ops.quote_name
    named = f"{quote(table)} ({', '.join(map(quote, columns))})"
    with connection.cursor() as cursor:
        if is_postgres():
            cursor.cursor.copy_expert(f"COPY {named} FROM STDIN", io.StringIO(_lines(rows)))
        else:
            cursor.executemany(f"INSERT INTO {named} VALUES ({', '.join(['%s'] * len(columns))})", rows)


def stored_moment(at: dt.datetime) -> Any:
    """A moment in the form that the database's driver takes."""
    return connection.ops.adapt_datetimefield_value(at)


def _lines(rows: Iterable[tuple[Any, ...]]) -> str:
    return "".join(["\t".join([_cell(value) for value in row]) + "\n" for row in rows])


def _cell(value: Any) -> str:
    if value is None:
        return "\\N"
    text = value if isinstance(value, str) else str(value)
    return _SPECIAL.sub(lambda found: _ESCAPED.get(found[0], ""), text) if _SPECIAL.search(text) else text
