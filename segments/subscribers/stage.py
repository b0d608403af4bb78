"""The SQL by which staged rows become people: one temporary table, and statements that say only what the rows say.

Both engines run the same statements; what they spell differently stands in ``_Dialect``.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import IntegrityError, connection, transaction

from personalize.core.copy import Sheet, fill_table, stored_moment
from personalize.core.database import is_postgres, new_uuid_sql
from segments.subscribers import attributes, profile
from segments.subscribers.checking import Wanted
from segments.subscribers.models import ExternalId, Subscriber

STAGE = "subscribers_stage"
PEOPLE = Subscriber._meta.db_table
LINKS = ExternalId._meta.db_table

# Columns in which NULL means that the row says nothing. Positions and birthdays may be cleared to NULL, so that for them
# a column of its own says whether the row speaks of them.
_TEXTS = (*profile.TEXTS, *(f"{name}_folded" for name in profile.FOLDED), "country", "language", "time_zone")
_PLACE, _BIRTH = ("latitude", "longitude"), ("birth_year", "birth_month", "birth_day")
_JSON = ("attributes", "attributes_folded")
_TYPES = {
    "position": "integer",
    "address_key": "varchar(64)",
    "email": "varchar(254)",
    "external_id": "varchar(120)",
    "person": "bigint",
    "link": "bigint",
    **dict.fromkeys(_TEXTS, "text"),
    "zone": "text",
    "says_place": "boolean",
    **dict.fromkeys(_PLACE, "double precision"),
    "says_birth": "boolean",
    **dict.fromkeys(_BIRTH, "smallint"),
    **dict.fromkeys(_JSON, "jsonb"),
}


_UNKNOWN = f"WHERE NOT EXISTS (SELECT 1 FROM {PEOPLE} p WHERE p.address_key = s.address_key)"


@dataclass(frozen=True)
class _Dialect:
    """What PostgreSQL and SQLite spell differently. ``merged`` gives JSON with a patch applied, in which null removes."""

    options: str
    merged: str
    plain_json: str
    found_in: str
    lock: str


_POSTGRES = _Dialect(
    options="ON COMMIT DELETE ROWS",
    merged="jsonb_strip_nulls({stored} || {patch})",
    plain_json="{}",
    found_in="strpos",
    lock="FOR NO KEY UPDATE OF p",
)
_SQLITE = _Dialect(
    options="",
    merged="json_patch({stored}, {patch})",
    plain_json="json({})",
    found_in="instr",
    lock="",
)


def _dialect() -> _Dialect:
    return _POSTGRES if is_postgres() else _SQLITE


@dataclass(frozen=True)
class Draft:
    """Rows written down for the stage; ``used`` are the columns they speak of."""

    sheet: Sheet
    used: set[str]
    size: int

    @classmethod
    def of(cls, rows: Sequence[Wanted]) -> Draft:
        """Write rows down. The database is not asked, so that a thread may do it while the database works."""
        used = _used(rows)
        names = [name for name in _TYPES if name in used]
        # In the order of the index by which people are looked up: neighbours stand on one page of it.
        rows = sorted(rows, key=lambda row: row.key)
        return cls(Sheet.of(names, (tuple(map(_staged(row).get, names)) for row in rows)), used, len(rows))


class Stage:
    """The rows of one call in the database. It lives within a transaction, and ``used`` are the columns it speaks of."""

    def __init__(self, draft: Draft) -> None:
        self.used = draft.used
        columns = ", ".join(f"{name} {kind}" for name, kind in _TYPES.items())
        _run(f"CREATE TEMPORARY TABLE IF NOT EXISTS {STAGE} ({columns}) {_dialect().options}")
        _run(f"DELETE FROM {STAGE}")
        fill_table(STAGE, draft.sheet)
        if is_postgres() and draft.size >= 1000:
            # Its default, meant for turning disks, makes the planner read all people for every few thousand rows.
            _run(f"ANALYZE {STAGE} (address_key); SET LOCAL random_page_cost TO 1.1")

    def owners(self, source: str) -> dict[str, str]:
        """The address keys of those whom the staged external ids belong to."""
        found = _rows(
            f"""SELECT external_id, (SELECT p.address_key FROM {LINKS} x JOIN {PEOPLE} p ON p.id = x.subscriber_id
                                      WHERE x.source = %s AND x.value = external_id)
                  FROM {STAGE} WHERE external_id IS NOT NULL""",
            [source],
        )
        return {value: key for value, key in found if key is not None}

    def drop(self, positions: Iterable[int]) -> None:
        """Take rows out again."""
        with connection.cursor() as cursor:
            cursor.executemany(f"DELETE FROM {STAGE} WHERE position = %s", [(position,) for position in positions])

    def create(self, at: dt.datetime, *, beside: bool) -> dict[str, int]:
        """Insert the people who are new; their ids by address key. ``beside``: some of the staged are known.

        Looking out for others who create the same people takes half as long again, so it is done when there are some.
        """
        try:
            with transaction.atomic():
                return self._create(at, _UNKNOWN if beside else "", "")
        except IntegrityError:
            return self._create(at, _UNKNOWN, "ON CONFLICT DO NOTHING")

    def _create(self, at: dt.datetime, condition: str, conflict: str) -> dict[str, int]:
        values = _new_values(self.used)
        moment = stored_moment(at)
        fixed = _defaults() | {"created_at": moment, "updated_at": moment}
        # By the order of the key, so that two at once wait for each other instead of locking each other out.
        return dict(
            _rows(
                f"""INSERT INTO {PEOPLE} (uuid, {", ".join([*values, *fixed])})
                    SELECT {new_uuid_sql()}, {", ".join([*values.values(), *["%s"] * len(fixed)])}
                      FROM {STAGE} s {condition} ORDER BY s.address_key {conflict} RETURNING address_key, id""",
                list(fixed.values()),
            )
        )

    def known(self) -> list[tuple[str, int, bool]]:
        """(address key, id, whether erased) of the staged people who are stored, locked where the database can."""
        return _rows(
            f"""SELECT p.address_key, p.id, p.erased_at IS NOT NULL
                  FROM {STAGE} s JOIN {PEOPLE} p ON p.address_key = s.address_key
                 ORDER BY p.id {_dialect().lock}"""
        )

    def change(self, at: dt.datetime) -> set[int]:
        """Bring the people who differ up to date; their ids. The erased are left alone."""
        new = _changed_values(self.used)
        if not new:
            return set()
        return _ids(
            f"""UPDATE {PEOPLE} AS p
                   SET {", ".join(f"{name} = {value}" for name, value in new.items())},
                       updated_at = %s, lock_version = p.lock_version + 1
                  FROM {STAGE} s
                 WHERE p.address_key = s.address_key AND p.erased_at IS NULL AND ({_differing(new)})
             RETURNING id""",
            [*_parameters(new), stored_moment(at), *_parameters(new)],
        )

    def link(self, source: str) -> set[int]:
        """Store the external ids, one for each person in a system; the ids of the people whose changed.

        Person and link are looked up row by row, by sub-selects that no planner turns into a join: in the middle of an
        import its figures about the tables are worth nothing.
        """
        _run(
            f"""UPDATE {STAGE} SET
                   person = (SELECT p.id FROM {PEOPLE} p
                              WHERE p.address_key = {STAGE}.address_key AND p.erased_at IS NULL),
                   link = (SELECT x.id FROM {LINKS} x
                            WHERE x.source || '' = %s AND x.subscriber_id =
                                  (SELECT p.id FROM {PEOPLE} p WHERE p.address_key = {STAGE}.address_key))
                 WHERE external_id IS NOT NULL""",
            [source],
        )
        changed = _ids(
            f"""UPDATE {LINKS} AS x SET value = s.external_id FROM {STAGE} s
                 WHERE x.id = s.link AND s.person IS NOT NULL AND x.value <> s.external_id
             RETURNING subscriber_id"""
        )
        return changed | _ids(
            f"""INSERT INTO {LINKS} (subscriber_id, source, value)
                SELECT person, %s, external_id FROM {STAGE} WHERE person IS NOT NULL AND link IS NULL
             RETURNING subscriber_id""",
            [source],
        )


def _used(rows: Sequence[Wanted]) -> set[str]:
    found = {"position", "address_key", "email"}
    for names in {frozenset(row.columns) for row in rows}:
        found |= names
    if "country" in found:
        found.add("zone")
    if "latitude" in found:
        found.add("says_place")
    if "birth_day" in found:
        found.add("says_birth")
    if any(row.attributes for row in rows):
        found.update(_JSON)
    if any(row.external_id for row in rows):
        found.add("external_id")
    return found


def _staged(row: Wanted) -> dict[str, Any]:
    values = {"position": row.index, "address_key": row.key, "email": row.email, **row.columns}
    if "country" in values:
        values["zone"] = profile.zone_of_country(values["country"])
    values["says_place"], values["says_birth"] = "latitude" in values, "birth_day" in values
    if row.attributes:
        texts = attributes.folded({key: value for key, value in row.attributes.items() if value is not None})
        values["attributes"] = json.dumps(row.attributes)
        values["attributes_folded"] = json.dumps(dict.fromkeys(row.attributes) | texts)
    values["external_id"] = row.external_id or None
    return values


def _defaults() -> dict[str, Any]:
    """What columns that no row speaks of begin with."""
    given = {"id", "uuid", "email", "address_key", *_TYPES, "created_at", "updated_at"}
    return {
        str(field.column): field.get_db_prep_save(field.get_default(), connection)
        for field in Subscriber._meta.concrete_fields
        if field.column not in given
    }


def _new_values(used: set[str]) -> dict[str, str]:
    """SQL for every column of a new person by what the staged row says."""
    new = {"email": "s.email", "address_key": "s.address_key"}
    new |= {name: f"coalesce(s.{name}, '')" for name in _TEXTS}
    if "zone" in used:
        new["time_zone"] = "coalesce(nullif(s.time_zone, ''), s.zone, '')"
    new |= {name: f"s.{name}" for name in (*_PLACE, *_BIRTH)}
    merged = _dialect().merged
    return new | {
        name: f"coalesce({merged.format(stored=_empty_json(), patch=f's.{name}')}, {_empty_json()})" for name in _JSON
    }


def _changed_values(used: set[str]) -> dict[str, str]:
    """SQL for the columns of a known person that the staged rows speak of."""
    new = {name: f"coalesce(s.{name}, p.{name})" for name in _TEXTS if name in used and name != "time_zone"}
    if "zone" in used or "time_zone" in used:
        new["time_zone"] = _zone()
    for says, columns in (("says_place", _PLACE), ("says_birth", _BIRTH)):
        if says in used:
            new |= {name: f"CASE WHEN s.{says} THEN s.{name} ELSE p.{name} END" for name in columns}
    if "attributes" in used:
        new |= {
            name: f"coalesce({_dialect().merged.format(stored=f'p.{name}', patch=f's.{name}')}, p.{name})"
            for name in _JSON
        }
    return new


def _zone() -> str:
    """The time zone: the one given, else that of a new country, unless the stored one was more than assumed."""
    return f"""CASE WHEN s.time_zone <> '' THEN s.time_zone
                    WHEN s.country <> '' AND (p.time_zone = ''
                         OR {_dialect().found_in}(%s, '|' || p.country || ' ' || p.time_zone || '|') > 0) THEN s.zone
                    ELSE coalesce(s.time_zone, p.time_zone) END"""


def _parameters(new: dict[str, str]) -> list[str]:
    return [_assumed_zones()] if "time_zone" in new else []


@cache
def _assumed_zones() -> str:
    """Every country with its only time zone, as one text to search in."""
    return "|" + "|".join(f"{country} {zone}" for country, zone in sorted(profile.single_zones().items())) + "|"


def _differing(new: dict[str, str]) -> str:
    """SQL that is true when any column is not what it should be."""
    return " OR ".join(_differs(name, value) for name, value in new.items())


def _differs(name: str, value: str) -> str:
    other = "IS DISTINCT FROM" if is_postgres() else "IS NOT"
    if name in _JSON:
        # The same values in another spelling are no difference.
        spelt = _dialect().plain_json
        return f"(s.{name} IS NOT NULL AND {spelt.format(f'p.{name}')} {other} {spelt.format(value)})"
    return f"p.{name} {other} {value}"


def _empty_json() -> str:
    return "CAST('{}' AS jsonb)" if is_postgres() else "'{}'"


def _run(statement: str, parameters: Sequence[Any] = ()) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, list(parameters))


def _rows(statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, list(parameters))
        return list(cursor.fetchall())


def _ids(statement: str, parameters: Sequence[Any] = ()) -> set[int]:
    return {row[0] for row in _rows(statement, parameters)}
