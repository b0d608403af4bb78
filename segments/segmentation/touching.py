"""Noting whose facts changed, in the transaction that changes them, for the sweep that keeps segments up to date.

Where no segment is kept nothing is noted: whoever begins with one asks about everybody. A transaction that was under way
just then is not lost either, for everybody is asked about once more soon after (``membership.SETTLED``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from django.db import connection

from personalize.core import clock
from personalize.core.copy import stored_moment
from personalize.core.database import ids_parameter, ids_sql
from segments.segmentation.models import Cause, SegmentSnapshot, TouchedPerson

MANY = 20_000
"""From so many on it is less work to ask about everybody."""

_TABLE = TouchedPerson._meta.db_table
_ANY_KEPT = f"EXISTS (SELECT 1 FROM {SegmentSnapshot._meta.db_table} WHERE kept)"


@dataclass
class _Importing:
    """An import of this thread; a ``large`` one notes that anybody may be touched, instead of each one by name."""

    large: bool
    touched: bool = False


_importing: ContextVar[_Importing | None] = ContextVar("importing", default=None)
_quiet: ContextVar[bool] = ContextVar("quiet", default=False)


@contextmanager
def importing(*, large: bool) -> Iterator[None]:
    """What is touched within comes by a file; use it in the transaction that stores some of it."""
    current = _Importing(large)
    token = _importing.set(current)
    try:
        yield
    finally:
        _importing.reset(token)
    if current.touched:
        touch_everybody(Cause.IMPORT)


@contextmanager
def quietly() -> Iterator[None]:
    """Note nothing within: the memberships' own events change no fact but that they happened."""
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)


def touch(people: Iterable[int] | None, *, imported: bool = False) -> None:
    """Note that something about these people changed, or about anybody where none are named.

    ``imported``: it was history from elsewhere that changed it.
    """
    if _quiet.get():
        return
    current = _importing.get()
    if current is not None and (current.large or people is None):
        current.touched = True
        return
    cause = Cause.IMPORT if current or imported else Cause.DATA
    ids = None if people is None else list(people)
    if ids is None or len(ids) > MANY:
        touch_everybody(cause)
    elif ids:
        _insert(ids, cause)


def touch_everybody(cause: Cause) -> None:
    """Note that something about anybody may have changed."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {_TABLE} (subscriber_id, cause, at) SELECT NULL, %s, {_instant()} WHERE {_ANY_KEPT}",
            [cause.value, stored_moment(clock.now())],
        )


def _insert(people: Collection[int], cause: Cause) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO {_TABLE} (subscriber_id, cause, at)
                SELECT ids.id, %s, {_instant()} FROM {ids_sql()} WHERE {_ANY_KEPT}""",
            [cause.value, stored_moment(clock.now()), ids_parameter(people)],
        )


def _instant() -> str:
    return "CAST(%s AS timestamptz)" if connection.vendor == "postgresql" else "%s"
