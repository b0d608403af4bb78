"""Whether a person is one of those whose ids a selection gives, which is made once for all people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, Expression, F, QuerySet
from django.db.models.sql.compiler import SQLCompiler


class Ids(Protocol):
    """Something that selects ids of people, none of them null: SQL of one column, and its parameters."""

    def sql(self, connection: BaseDatabaseWrapper) -> tuple[str, Sequence[Any]]: ...


class People:
    """The ids that a queryset of one column gives."""

    def __init__(self, rows: QuerySet[Any, Any]) -> None:
        self.rows = rows

    def sql(self, connection: BaseDatabaseWrapper) -> tuple[str, Sequence[Any]]:
        sql, params = self.rows.query.get_compiler(connection=connection).as_sql()
        return sql, params


class Among(Expression):
    """The condition itself, true or false and never null."""

    conditional = True

    def __init__(self, person_id: str, people: Ids) -> None:
        super().__init__(output_field=BooleanField())
        self.person_id: Any = F(person_id)
        self.people = people

    def get_source_expressions(self) -> list[Any]:
        return [self.person_id]

    def set_source_expressions(self, exprs: Sequence[Any]) -> None:
        (self.person_id,) = exprs

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        people, params = self.people.sql(connection)
        person, more = compiler.compile(self.person_id)
        return f"{person} IN ({people})", (*more, *params)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, Any]:
        # Of this form the planner makes a join, and of its negation an anti-join, which it never does of NOT IN.
        people, params = self.people.sql(connection)
        person, more = compiler.compile(self.person_id)
        return f"EXISTS (SELECT 1 FROM ({people}) AS those(id) WHERE those.id = {person})", (*params, *more)
