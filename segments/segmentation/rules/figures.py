"""Figures over a person's rows, such as how many orders they placed, compared in the form that suits who is asked about.

Of many people the rows are grouped at once and joined; of few, each one's rows are looked up by index. Either way the
answer is true or false, never null.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import (
    Aggregate,
    BigIntegerField,
    Exists,
    Expression,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
)
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact, GreaterThan, GreaterThanOrEqual, LessThan, LessThanOrEqual

from segments.segmentation.rules.among import Among, People
from segments.segmentation.rules.kinds import Scope

Rows: TypeAlias = QuerySet[Any, Any]
COMPARISONS: Mapping[str, str] = {">": "gt", "<": "lt", ">=": "gte", "<=": "lte", "=": "exact", "!=": "", "between": ""}
_LOOKUPS = {">": GreaterThan, "<": LessThan, ">=": GreaterThanOrEqual, "<=": LessThanOrEqual, "=": Exact}


def compare(rows: Rows, figure: Aggregate, op: str, values: Sequence[Any], scope: Scope, *, zero: bool = False) -> Q:
    """True of people for whom ``figure`` over their ``rows`` (which carry ``subscriber_id``) satisfies the comparison.

    People without rows have no figure, so that nothing is true of it; where ``zero``, theirs is 0.
    """
    if zero and holds_for_zero(op, values):
        # People are told by not being among those whose figure fails.
        return ~_those(rows, figure, ~satisfies("figure", op, values), scope)
    return _those(rows, figure, satisfies("figure", op, values), scope)


def satisfies(name: str, op: str, values: Sequence[Any]) -> Q:
    """The comparison of a column or an annotation."""
    if op == "between":
        return Q(**{f"{name}__gte": values[0], f"{name}__lte": values[1]})
    return ~Q(**{name: values[0]}) if op == "!=" else Q(**{f"{name}__{COMPARISONS[op]}": values[0]})


def holds_for_zero(op: str, values: Sequence[Any]) -> bool:
    """Whether 0 satisfies the comparison."""
    low, high = values[0], values[-1]
    holds: dict[str, bool] = {
        ">": low < 0,
        "<": low > 0,
        ">=": low <= 0,
        "<=": low >= 0,
        "=": low == 0,
        "!=": low != 0,
        "between": low <= 0 <= high,
    }
    return holds[op]


def is_existence(op: str, values: Sequence[Any]) -> bool:
    """Whether a comparison of a count only asks for having, or not having, one."""
    return (op, *values) in {(">", 0), (">=", 1), ("=", 0), ("<", 1), ("<=", 0)}


def _those(rows: Rows, figure: Aggregate, condition: Q, scope: Scope) -> Q:
    if scope.one_by_one:
        rows = rows.filter(subscriber_id=OuterRef(scope.person_id))
        return Q(Exists(rows.order_by().values("subscriber_id").annotate(figure=figure).filter(condition)))
    grouped = scope.own(rows).order_by().values("subscriber_id").annotate(figure=figure).filter(condition)
    return Q(Among(scope.person_id, People(grouped.values("subscriber_id"))))


def compare_balance(given: Rows, back: Rows, amount: str, op: str, values: Sequence[Any], scope: Scope) -> Q:
    """True of people for whom the sum of ``amount`` over ``given``, less that over ``back``, satisfies the comparison."""
    if scope.one_by_one:
        return _compared(_sum(given, amount, scope) - _sum(back, amount, scope), op, values)
    negated = holds_for_zero(op, values)
    those = Q(Among(scope.person_id, _Balance([scope.own(given), scope.own(back)], amount, op, values, negated)))
    return ~those if negated else those


def _sum(rows: Rows, amount: str, scope: Scope) -> Expression:
    own = rows.order_by().filter(subscriber_id=OuterRef(scope.person_id)).values("subscriber_id")
    total = Subquery(own.annotate(total=Sum(amount)).values("total"), output_field=BigIntegerField())
    return Coalesce(total, 0, output_field=BigIntegerField())


def _compared(value: Any, op: str, values: Sequence[Any]) -> Q:
    """The comparison of an expression that is never null."""
    if op == "between":
        return Q(GreaterThanOrEqual(value, values[0])) & Q(LessThanOrEqual(value, values[1]))
    return ~Q(Exact(value, values[0])) if op == "!=" else Q(_LOOKUPS[op](value, values[0]))


class _Balance:
    """Ids of people whose amounts, the second selection's taken as negative, satisfy a comparison when added up."""

    def __init__(self, selections: Sequence[Rows], amount: str, op: str, values: Sequence[Any], negated: bool) -> None:
        given, back = selections
        self.selections = [
            given.order_by().values_list("subscriber_id", F(amount)),
            back.order_by().values_list("subscriber_id", -F(amount)),
        ]
        self.op, self.values, self.negated = op, list(values), negated

    def sql(self, connection: BaseDatabaseWrapper) -> tuple[str, Sequence[Any]]:
        parts, params = [], []
        for selection in self.selections:
            sql, more = selection.query.get_compiler(connection=connection).as_sql()
            parts.append(sql)
            params.extend(more)
        # A common table expression, because SQLite names the columns of no other kind of sub-select.
        comparison = "BETWEEN %s AND %s" if self.op == "between" else f"{self.op} %s"
        having = f"NOT (sum(amount) {comparison})" if self.negated else f"sum(amount) {comparison}"
        rows = " UNION ALL ".join(parts)
        grouped = f"SELECT person FROM amounts GROUP BY person HAVING {having}"
        return f"WITH amounts (person, amount) AS ({rows}) {grouped}", [*params, *self.values]
