"""What rules ask of SQL and the engines say differently: values inside JSON, the hash of a person.

Every value expression is null where the value is missing or of another type than asked for.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BigIntegerField, BooleanField, CharField, DateTimeField, F, Field, FloatField, Func
from django.db.models.sql.compiler import SQLCompiler

# Attribute type: PostgreSQL's JSON type, SQLite's JSON types, the output.
_TYPES: dict[str, tuple[str, str, type[Field[Any, Any]]]] = {
    "text": ("'string'", "'text'", CharField),
    "enum": ("'string'", "'text'", CharField),
    "date": ("'string'", "'text'", CharField),
    "datetime": ("'string'", "'text'", CharField),
    "decimal": ("'string'", "'text'", FloatField),
    "int": ("'number'", "'integer', 'real'", BigIntegerField),
    "bool": ("'boolean'", "'true', 'false'", CharField),
}
# How far dates and times are compared: to the day, to the second.
_LENGTHS = {"date": 10, "datetime": 19}


class JsonValue(Func):
    """The value under ``key`` of a JSON column as a value of an attribute type.

    Numbers kept as digits compare as floats; dates and times as their ISO text; booleans as "true" and "false".
    """

    def __init__(self, column: str, key: str, type: str) -> None:
        postgres_type, sqlite_types, output = _TYPES[type]
        super().__init__(F(column), output_field=output())
        self.key, self.type, self.postgres_type, self.sqlite_types = key, type, postgres_type, sqlite_types

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, Any]:
        value = "(COLUMN ->> %s)"
        guard = f"jsonb_typeof(COLUMN -> %s) = {self.postgres_type}"
        repeats = 2
        if self.type == "decimal":
            guard += r" AND (COLUMN ->> %s) ~ '^-?[0-9]+(\.[0-9]+)?$'"
            value += "::double precision"
            repeats = 3
        elif self.type == "int":
            # Cast from JSON itself, which spares the way over text.
            value = "(COLUMN -> %s)::numeric"
        elif self.type in _LENGTHS:
            value = f'(left(COLUMN ->> %s, {_LENGTHS[self.type]}) COLLATE "C")'
        column, params = compiler.compile(self.source_expressions[0])
        return f"CASE WHEN {guard} THEN {value} END".replace("COLUMN", column), [*params, self.key] * repeats

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, Any]:
        value = "json_extract(COLUMN, %s)"
        if self.type == "decimal":
            value = f"CAST({value} AS REAL)"
        elif self.type == "bool":
            value = "json_type(COLUMN, %s)"
        elif self.type in _LENGTHS:
            value = f"substr({value}, 1, {_LENGTHS[self.type]})"
        template = f"CASE WHEN json_type(COLUMN, %s) IN ({self.sqlite_types}) THEN {value} END"
        # Written out, not bound: SQLite knows the expression of an index again only when it is the same to the letter.
        path = f'$."{self.key}"'.replace("'", "''").replace("%", "%%")
        column, params = compiler.compile(self.source_expressions[0])
        return template.replace("%s", f"'{path}'").replace("COLUMN", column), [*params] * 2


class Moment(Func):
    """The ISO text of a time in UTC, to the second, as an instant."""

    def __init__(self, text: Any) -> None:
        super().__init__(text, output_field=DateTimeField())

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, Any]:
        text, params = compiler.compile(self.source_expressions[0])
        return f"(({text})::timestamp AT TIME ZONE 'UTC')", params

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, Any]:
        text, params = compiler.compile(self.source_expressions[0])
        return f"replace({text}, 'T', ' ')", params


class JsonText(Func):
    """The text under ``key`` of a JSON column; of a value that is no text, something else or null."""

    def __init__(self, column: str, key: str) -> None:
        super().__init__(F(column), output_field=CharField())
        self.key = key

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, Any]:
        column, params = compiler.compile(self.source_expressions[0])
        return f"({column} ->> %s)", [*params, self.key]

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, Any]:
        column, params = compiler.compile(self.source_expressions[0])
        return f"json_extract({column}, %s)", [*params, f'$."{self.key}"']


# Beyond it the engines' sums could overflow; JSON itself knows no bounds.
_LARGEST = "1e100"


class JsonScalar(Func):
    """The scalar at a path of a JSON column, of one JSON type: ``string``, ``number`` or ``boolean`` ("true" and "false").

    It is null where there is none, or one of another type; so it is of numbers beyond all measure.
    """

    def __init__(self, column: str, path: Sequence[str], type: str) -> None:
        super().__init__(F(column), output_field=FloatField() if type == "number" else CharField())
        self.path, self.type = list(path), type

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, Any]:
        column, params = compiler.compile(self.source_expressions[0])
        value, repeats = f"({column} #>> %s::text[])", 2
        if self.type == "number":
            value, repeats = f"CASE WHEN abs({value}::numeric) < {_LARGEST} THEN {value}::double precision END", 3
        sql = f"CASE WHEN jsonb_typeof({column} #> %s::text[]) = '{self.type}' THEN {value} END"
        return sql, [*params, self.path] * repeats

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, Any]:
        column, params = compiler.compile(self.source_expressions[0])
        types = {"number": "'integer', 'real'", "string": "'text'", "boolean": "'true', 'false'"}[self.type]
        value, repeats = f"{'json_type' if self.type == 'boolean' else 'json_extract'}({column}, %s)", 2
        if self.type == "number":
            value, repeats = f"CASE WHEN abs({value}) < {_LARGEST} THEN CAST({value} AS REAL) END", 3
        sql = f"CASE WHEN json_type({column}, %s) IN ({types}) THEN {value} END"
        return sql, [*params, "$." + ".".join(json.dumps(key) for key in self.path)] * repeats


class JsonDistinct(Func):
    """The text, number or truth value under ``key`` of a JSON column in a form that tells any two of them apart, or null."""

    def __init__(self, column: str, key: str) -> None:
        super().__init__(F(column), output_field=CharField())
        self.key = key

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, Any]:
        column, params = compiler.compile(self.source_expressions[0])
        # JSON itself is compared, since 1 and 1.0 are one number.
        sql = f"CASE WHEN jsonb_typeof({column} -> %s) IN ('string', 'number', 'boolean') THEN {column} -> %s END"
        return sql, [*params, self.key] * 2

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, Any]:
        column, params = compiler.compile(self.source_expressions[0])
        sql = f"""CASE WHEN json_type({column}, %s) = 'text' THEN 's' || json_extract({column}, %s)
            WHEN json_type({column}, %s) IN ('integer', 'real') THEN CAST(json_extract({column}, %s) AS REAL)
            WHEN json_type({column}, %s) IN ('true', 'false') THEN json_type({column}, %s) END"""
        return sql, [*params, f'$."{self.key}"'] * 6


class JsonKnown(Func):
    """Whether there is anything but null under ``key`` of a JSON column; never null."""

    def __init__(self, column: str, key: str) -> None:
        super().__init__(F(column), output_field=BooleanField())
        self.key = key

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, Any]:
        column, params = compiler.compile(self.source_expressions[0])
        return f"coalesce(jsonb_typeof({column} -> %s) <> 'null', false)", [*params, self.key]

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, Any]:
        column, params = compiler.compile(self.source_expressions[0])
        return f"coalesce(json_type({column}, %s) <> 'null', 0)", [*params, f'$."{self.key}"']


class JsonListHolds(Func):
    """Whether the list under ``key`` of a JSON column holds ``item``; never null."""

    def __init__(self, column: str, key: str, item: str) -> None:
        super().__init__(F(column), output_field=BooleanField())
        self.key, self.item = key, item

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, Any]:
        column, params = compiler.compile(self.source_expressions[0])
        sql = f"coalesce(jsonb_typeof({column} -> %s) = 'array' AND ({column} -> %s) ? %s, false)"
        return sql, [*params, self.key, *params, self.key, self.item]

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, Any]:
        column, params = compiler.compile(self.source_expressions[0])
        path = f'$."{self.key}"'
        items = f"SELECT 1 FROM json_each({column}, %s) AS item WHERE item.value = %s"
        sql = f"(json_type({column}, %s) IS 'array' AND EXISTS ({items}))"
        return sql, [*params, path, *params, path, self.item]


class PersonHash(Func):
    """The first ``digits`` hex digits of the SHA-256 of ``salt:uuid``, the UUID in its usual form."""

    def __init__(self, column: str, salt: str, digits: int) -> None:
        super().__init__(F(column), output_field=CharField())
        self.salt, self.digits = salt, digits

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, Any]:
        column, params = compiler.compile(self.source_expressions[0])
        digest = f"encode(sha256(convert_to(%s || {column}::text, 'UTF8')), 'hex')"
        return f'(left({digest}, {self.digits}) COLLATE "C")', [f"{self.salt}:", *params]

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, Any]:
        column, params = compiler.compile(self.source_expressions[0])
        starts_and_lengths = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
        dashed = " || '-' || ".join(f"substr({column}, {start}, {length})" for start, length in starts_and_lengths)
        sql = f"substr(personalize_sha256(%s || {dashed}), 1, {self.digits})"
        return sql, [f"{self.salt}:", *params * len(starts_and_lengths)]
