"""What differs between PostgreSQL and SQLite, each behind one function."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper


def is_postgres() -> bool:
    """Whether the default database is PostgreSQL (else it is SQLite)."""
    return connection.vendor == "postgresql"


def prepare_connection(*, connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Give SQLite the functions that PostgreSQL has built in."""
    if connection.vendor != "sqlite":
        return
    create = connection.connection.create_function
    create("personalize_uuid", 0, lambda: uuid.uuid4().hex)
    create("personalize_sha256", 1, lambda text: hashlib.sha256(text.encode()).hexdigest(), deterministic=True)


def new_uuid_sql() -> str:
    """The SQL expression that makes a fresh random UUID in the form the column stores."""
    return "gen_random_uuid()" if is_postgres() else "personalize_uuid()"


def durable_commits() -> None:
    """Make this connection's commits survive a power cut; the sender calls it, because a forgotten hand-over would be
    sent twice. PostgreSQL does so by default."""
    if not is_postgres():
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous=FULL")


def fold(text: str) -> str:
    """The stored form in which texts are compared: case-folded, white space collapsed."""
    return " ".join(text.split()).casefold()
