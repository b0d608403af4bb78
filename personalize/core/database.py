"""What differs between PostgreSQL and SQLite, each behind one function."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Func, TextField, Value
from django.db.models.expressions import Combinable, RawSQL
from django.db.models.functions import Cast

from personalize.core import localtime


def is_postgres() -> bool:
    """Whether the default database is PostgreSQL (else it is SQLite)."""
    return connection.vendor == "postgresql"


def prepare_connection(*, connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Give SQLite the functions that PostgreSQL has built in."""
    if connection.vendor != "sqlite":
        return
    create = connection.connection.create_function
    create("personalize_uuid", 0, lambda: uuid.uuid4().hex)
    create("personalize_in_seconds", 1, _in_seconds)
    create("personalize_midnight", 3, _midnight, deterministic=True)
    create("personalize_sha256", 1, lambda text: hashlib.sha256(text.encode()).hexdigest(), deterministic=True)


def _midnight(day: str | None, zone: str, otherwise: str) -> str | None:
    """When a day such as 2026-11-19 began in a zone, as SQLite keeps it; what is no day, or the calendar's first, has none."""
    try:
        lived = dt.date.fromisoformat(day or "")
    except ValueError:
        return None
    if lived == dt.date.min:
        return None
    begins = localtime.instant(lived, dt.time.min, localtime.zone(zone, otherwise))
    return begins.replace(tzinfo=None).isoformat(" ")


def _in_seconds(seconds: float) -> str:
    moment = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")


def in_seconds_sql() -> str:
    """SQL with one parameter: the instant so many seconds from now, by the database's own clock.

    Leases are written and read with it, so that the clocks of the workers' hosts never matter.
    """
    return "(clock_timestamp() + %s * interval '1 second')" if is_postgres() else "personalize_in_seconds(%s)"


def now_sql() -> str:
    """The present instant by the database's own clock, also within a long transaction."""
    return "clock_timestamp()" if is_postgres() else "personalize_in_seconds(0)"


def json_parameter(value: Any) -> str | None:
    """A JSON value as a parameter of hand-written SQL; None stays NULL."""
    return None if value is None else json.dumps(value, ensure_ascii=False)


def json_cast_sql() -> str:
    """The cast that turns such a parameter into the column's type."""
    return "CAST(%s AS jsonb)" if is_postgres() else "%s"


def skip_locked_sql() -> str:
    """What lets two claimers take different rows; SQLite has one writer at a time and needs nothing."""
    return "FOR UPDATE SKIP LOCKED" if is_postgres() else ""


def new_uuid_sql() -> str:
    """The SQL expression that makes a fresh random UUID in the form the column stores."""
    return "gen_random_uuid()" if is_postgres() else "personalize_uuid()"


def durable_commits() -> None:
    """Make this connection's commits survive a power cut; the sender calls it, because a forgotten hand-over would be
    sent twice. PostgreSQL does so by default. Within a transaction it is too late: whoever began that one answers for it.
    """
    if not is_postgres() and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous=FULL")


def ids_sql() -> str:
    """A table of one column ``id`` for a FROM clause, with one parameter: what ``ids_parameter`` makes of the ids."""
    if is_postgres():
        return "unnest(CAST(%s AS bigint[])) AS ids(id)"
    return "(SELECT value AS id FROM json_each(%s)) AS ids"


def ids_parameter(ids: Iterable[int]) -> Any:
    """Any number of ids as one parameter of ``ids_sql``."""
    return list(ids) if is_postgres() else json.dumps(list(ids))


def among(ids: Iterable[int]) -> RawSQL:
    """Any number of ids for a lookup such as ``pk__in``, as one parameter where the ORM would make one of each."""
    return RawSQL(f"SELECT ids.id FROM {ids_sql()}", [ids_parameter(ids)])  # noqa: S611  Only a parameter is put in.


def as_text(column: str, *, binary: bool = False) -> Combinable:
    """The content of a text, JSON or (``binary``) bytes column as text that can be searched."""
    if binary and is_postgres():
        # A cast would give hexadecimal digits.
        return Func(F(column), Value("escape"), function="encode", output_field=TextField())
    return Cast(column, TextField())


class OutOfTime(Exception):
    """The statements took longer than the time they were given; nothing they did is left."""


_CANCELLED = "57014"
"""PostgreSQL's code for a statement that was cut off."""

_STEPS = 10_000
"""After how many steps of its machine SQLite looks at the clock: some hundred times a second."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Let what is asked inside take so many seconds at most, else raise OutOfTime. PostgreSQL counts for each statement."""
    try:
        if is_postgres():
            with set_locally(statement_timeout=f"{max(1, round(seconds * 1000))}ms"):
                yield
        else:
            with transaction.atomic(), _interrupted_after(seconds):
                yield
    except OperationalError as error:
        if getattr(error.__cause__, "pgcode", "") == _CANCELLED or str(error) == "interrupted":
            raise OutOfTime from error
        raise


@contextmanager
def set_locally(**settings: str) -> Iterator[None]:
    """Run what is inside in one transaction with PostgreSQL's settings changed; SQLite has none, and runs it as it is."""
    if not is_postgres():
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(['current_setting(%s)'] * len(settings))}", list(settings))
            before = dict(zip(settings, cursor.fetchone(), strict=True))
        _set(settings)
        yield
        # Otherwise they would last as long as a transaction around this one.
        _set(before)


def _set(settings: Mapping[str, str]) -> None:
    changes = ", ".join(["set_config(%s, %s, true)"] * len(settings))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {changes}", [part for item in settings.items() for part in item])


@contextmanager
def _interrupted_after(seconds: float) -> Iterator[None]:
    end = time.monotonic() + seconds
    handle = connection.connection.set_progress_handler
    handle(lambda: time.monotonic() > end, _STEPS)
    try:
        yield
    finally:
        handle(None, 0)


def refresh_statistics() -> None:
    """Let PostgreSQL's planner see what a large import brought, before its own turn comes a minute later.

    SQLite chooses its plans without statistics, and well enough.
    """
    if is_postgres():
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def fold(text: str) -> str:
    """The stored form in which texts are compared: case-folded, white space collapsed."""
    return " ".join(text.split()).casefold()
