"""Inserting rows by the ten thousand: past the ORM's objects, with one way for each engine."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

from django.db import connection, models
from psycopg2.extras import execute_values

from personalize.core.database import is_postgres


def insert_rows(model: type[models.Model], columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert ``rows`` of plain values for the named database columns; nothing is returned, conflicts are errors.

    Moments must have gone through ``stored_moment``.
    """
    if not rows:
        return
    quote = connection.ops.quote_name
    into = f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(map(quote, columns))}) VALUES"
    with connection.cursor() as cursor:
        if is_postgres():
            execute_values(cursor.cursor, f"{into} %s", rows, page_size=1000)
        else:
            cursor.executemany(f"{into} ({', '.join(['%s'] * len(columns))})", rows)


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
