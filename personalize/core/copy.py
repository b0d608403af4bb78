"""Inserting rows by the ten thousand: past the ORM's objects, with one way for each engine."""

from __future__ import annotations

import datetime as dt
import io
import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, models

from personalize.core.database import is_postgres

# What COPY reads as something else than itself, and what no text column can hold.
_SPECIAL = re.compile("[\\\\\t\n\r\x00\ud800-\udfff]")
_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}

NULL = "\\N"


@dataclass(frozen=True)
class Sheet:
    """Rows for the named columns of a table, in the form in which the engine takes them: COPY's text, or the rows."""

    columns: Sequence[str]
    content: bytes | Sequence[tuple[Any, ...]]

    @classmethod
    def of(cls, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> Sheet:
        """Write rows of plain values (None, texts, numbers, yes or no) down for ``fill_table``.

        The database is not asked, so that a thread may do it while the database works. NUL bytes and lone surrogates,
        which no text column holds, are left out; no text can make the filling fail.
        """
        return cls(columns, _lines(rows) if is_postgres() else list(rows))


def insert_rows(model: type[models.Model], columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert ``rows`` of plain values for the named database columns; nothing is returned, conflicts are errors.

    Moments must have gone through ``stored_moment``.
    """
    fill_table(model._meta.db_table, Sheet.of(columns, rows))


def fill_table(table: str, sheet: Sheet) -> None:
    """Insert the rows of a sheet into a table of any kind, also a temporary one."""
    if not sheet.content:
        return
    quote = connection.ops.quote_name
    named = f"{quote(table)} ({', '.join(map(quote, sheet.columns))})"
    with connection.cursor() as cursor:
        if isinstance(sheet.content, bytes):
            cursor.cursor.copy_expert(f"COPY {named} FROM STDIN", io.BytesIO(sheet.content))
        else:
            cursor.executemany(f"INSERT INTO {named} VALUES ({', '.join(['%s'] * len(sheet.columns))})", sheet.content)


def stored_uuid(value: uuid.UUID) -> Any:
    """A UUID in the form that the database's driver takes."""
    return str(value) if connection.features.has_native_uuid_field else value.hex


def stored_moment(at: dt.datetime) -> Any:
    """A moment in the form that the database's driver takes."""
    return connection.ops.adapt_datetimefield_value(at)


def insert_new_rows(
    model: type[models.Model], columns: Sequence[str], rows: Sequence[tuple[Any, ...]], *, returning: Sequence[str]
) -> list[tuple[Any, ...]]:
    """Insert those of ``rows`` that no unique constraint stands against, and return the named columns of these.

    One statement; SQLite takes some 30,000 values in one. Another transaction that is writing the same key is waited for.
    """
    if not rows:
        return []
    quote = connection.ops.quote_name
    into = f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(map(quote, columns))}) VALUES"
    after = f"ON CONFLICT DO NOTHING RETURNING {', '.join(map(quote, returning))}"
    row = f"({', '.join(['%s'] * len(columns))})"
    values = ", ".join([row] * len(rows))
    with connection.cursor() as cursor:
        cursor.execute(f"{into} {values} {after}", [value for given in rows for value in given])
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def _lines(rows: Iterable[tuple[Any, ...]]) -> bytes:
    lines = []
    for row in rows:
        if _SPECIAL.search("".join([value for value in row if isinstance(value, str)])):
            row = tuple(_SPECIAL.sub(_escaped, value) if isinstance(value, str) else value for value in row)
        lines.append("\t".join([NULL if value is None else str(value) for value in row]) + "\n")
    return "".join(lines).encode()


def _escaped(found: re.Match[str]) -> str:
    return _ESCAPES.get(found[0], "")
