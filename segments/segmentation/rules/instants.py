"""Dates and times that are kept in JSON, as instants: what the engines say differently.

What is no date or time, or lies on the calendar's first day, is null.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import DateTimeField, F, Func, Value
from django.db.models.sql.compiler import SQLCompiler

from personalize.core import localtime
from segments.segmentation.rules.sql import JsonValue

_DAY = "(?!0001-01-01)(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
# From the first of the month on, for a 30 February must be no error.
_AS_DATE = "make_date(left(given, 4)::int, substr(given, 6, 2)::int, 1) + (substr(given, 9, 2)::int - 1)"


class Midnight(Func):
    """When a date began by a person's clock, as ``localtime.instant`` has it; ``otherwise`` is the zone of whom none is known.

    PostgreSQL reads a midnight that comes twice as the second, so the offset of the day before is tried first.
    """

    def __init__(self, attributes: str, key: str, zone: str, otherwise: str) -> None:
        day = JsonValue(attributes, key, "date")
        super().__init__(day, F(zone), Value(localtime.zone(otherwise).key), output_field=DateTimeField())

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, Any]:
        return self.as_sql(compiler, connection, function="personalize_midnight")

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, Any]:
        parts = [compiler.compile(one) for one in self.source_expressions]
        (day, day_params), (zone, zone_params), (otherwise, otherwise_params) = parts
        sql = f"""(
            SELECT CASE WHEN first AT TIME ZONE zone = midnight THEN first ELSE usual END
            FROM (
                SELECT {day} AS given, CASE WHEN {zone} = ANY(%s) THEN {zone} ELSE {otherwise} END AS zone
            ) AS raw
            CROSS JOIN LATERAL (
                SELECT CASE WHEN given ~ '^{_DAY}$' THEN ({_AS_DATE})::timestamp END AS midnight
            ) AS local
            CROSS JOIN LATERAL (SELECT midnight AT TIME ZONE zone AS usual) AS read
            CROSS JOIN LATERAL (SELECT usual - interval '24 hours' AS eve) AS before
            CROSS JOIN LATERAL (
                SELECT (midnight - (eve AT TIME ZONE zone - eve AT TIME ZONE 'UTC')) AT TIME ZONE 'UTC' AS first
            ) AS tried
            WHERE to_char(midnight, 'YYYY-MM-DD') = given
        )"""
        return sql, [*day_params, *zone_params, _shared_zones(connection), *zone_params, *otherwise_params]


class Moment(Func):
    """A time kept in JSON, which is in UTC and to the second."""

    def __init__(self, attributes: str, key: str) -> None:
        super().__init__(JsonValue(attributes, key, "datetime"), output_field=DateTimeField())

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, Any]:
        given, params = compiler.compile(self.source_expressions[0])
        # No day is added, so that a 30 February is reckoned with and comes out another.
        same = f"strftime('%%Y-%%m-%%dT%%H:%%M:%%S', {given}, '+0 days') = {given}"
        return f"CASE WHEN {same} AND {given} >= '0001-01-02' THEN datetime({given}) END", [*params] * 4

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, Any]:
        given, params = compiler.compile(self.source_expressions[0])
        sql = f"""(
            SELECT moment AT TIME ZONE 'UTC'
            FROM (SELECT {given} AS given) AS raw
            CROSS JOIN LATERAL (
                SELECT CASE WHEN given ~ '^{_DAY}T{_TIME}$' THEN {_AS_DATE} + substr(given, 12)::time END AS moment
            ) AS read
            WHERE to_char(moment, 'YYYY-MM-DD') = left(given, 10)
        )"""
        return sql, params


@lru_cache(maxsize=8)
def _shared_zones(connection: BaseDatabaseWrapper) -> list[str]:
    """The zones that PostgreSQL knows as well as we do: it refuses to reckon with others."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_timezone_names")
        known = {name for (name,) in cursor}
    return [zone.key for zone in localtime.every_zone() if zone.key in known]
