"""Indexes on attributes that rules often ask about: the very expression the compiler writes, so that it is found again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Index

from personalize.core.database import is_postgres
from segments.segmentation.rules.attributes import value_of
from segments.segmentation.rules.nodes import Field
from segments.subscribers.models import AttributeDefinition, AttributeType, Subscriber

PREFIX = "attribute_index_"
_TABLE = Subscriber._meta.db_table


@dataclass(frozen=True)
class Built:
    """An index there is: its name, whether it can be used, and its size in bytes where the database tells it."""

    name: str
    usable: bool
    size: int | None


def indexable(definition: AttributeDefinition) -> bool:
    """Whether rules about this attribute compare one value, which an index can find; lists they search through."""
    return definition.type != AttributeType.MULTI


def name_of(definition: AttributeDefinition) -> str:
    """The name of its index; another type is another expression, and so another index."""
    return f"{PREFIX}{definition.key}_{definition.type}"


def create_sql(definition: AttributeDefinition) -> str:
    """The statement that builds the index; on PostgreSQL while people go on writing."""
    field = Field(definition.key, definition.label, definition.type)
    # The editor only writes SQL here: it quotes the key in the expression as the engine wants it.
    editor = connection.schema_editor(collect_sql=True)
    options: dict[str, Any] = {"concurrently": True} if is_postgres() else {}
    return str(Index(value_of(field), name=name_of(definition)).create_sql(Subscriber, editor, **options))


def drop_sql(name: str) -> str:
    """The statement that removes an index of ours, whether or not it is there."""
    return f"DROP INDEX {'CONCURRENTLY ' if is_postgres() else ''}IF EXISTS {connection.ops.quote_name(name)}"


def built() -> list[Built]:
    """All indexes of this kind, by name."""
    with connection.cursor() as cursor:
        if is_postgres():
            cursor.execute(
                """
                SELECT c.relname, i.indisvalid, pg_relation_size(c.oid)
                  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
                 WHERE i.indrelid = %s::regclass AND starts_with(c.relname, %s) ORDER BY 1
                """,
                [_TABLE, PREFIX],
            )
        else:
            cursor.execute(
                "SELECT name, 1, NULL FROM sqlite_master WHERE type = 'index' AND tbl_name = %s"
                " AND substr(name, 1, %s) = %s ORDER BY 1",
                [_TABLE, len(PREFIX), PREFIX],
            )
        return [Built(name, bool(usable), size) for name, usable, size in cursor]


def key_of(name: str) -> str:
    """The attribute an index of ours is about."""
    return re.sub(r"_[a-z]+$", "", name.removeprefix(PREFIX))


def run(sql: str) -> None:
    """Run a statement of ours; it must not stand in a transaction on PostgreSQL."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
