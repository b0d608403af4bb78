"""Inserting rows by the ten thousand: past the ORM's objects, with one way for each engine."""

from __future__ import annotations

import datetime as dt
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


def stored_moment(at: dt.datetime) -> Any:
    """A moment in the form that the database's driver takes."""
    return connection.ops.adapt_datetimefield_value(at)
