"""Rules about what a person bought: a figure over their orders, compared with a value.

``{"orders": {"metric": "sum", "where": [{"field": "category", "op": "is", "value": "Garden"}], "op": ">", "value": 500,
"window": {"last": [90, "days"]}}}``

Without ``where`` an order's amount is its total; with it, the amount of its lines that meet every filter. Cancelled orders
and their refunds do not count unless a filter names the status.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from django.db.models import Aggregate, Avg, Count, Max, Min, OuterRef, Q, QuerySet, Subquery, Sum
from django.utils.translation import gettext as _

from personalize.core.database import fold
from segments.commerce.models import Order, OrderLine, OrderStatus, Refund, RefundLine
from segments.segmentation.rules import anchors, figures, reading, windows
from segments.segmentation.rules.kinds import Kind, Phrase, Scope
from segments.segmentation.rules.moments import parse_moment, resolved
from segments.segmentation.rules.nodes import LineFilter, Offset, OrdersRule, Window
from segments.segmentation.rules.reading import RuleError, at
from segments.segmentation.rules.vocabulary import Vocabulary
from segments.segmentation.rules.words import both, either, moment_words, money_words, operator_words, window_words

METRICS = ("count", "sum", "avg", "min", "max", "distinct", "first", "last")
TIMES = ("first", "last")
Rows: TypeAlias = QuerySet[Any, Any]
_EXACT = ("is", "is_not", "in")
_ORDERED = (*_EXACT, "<", "<=", ">", ">=")
FILTERS: Mapping[str, tuple[str, ...]] = {
    "product": _EXACT,
    "category": _EXACT,
    "brand": _EXACT,
    "status": _EXACT,
    "price": _ORDERED,
    "quantity": _ORDERED,
}
_LOOKUPS = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte", "=": "exact", "is": "exact"}


def _parse(raw: Mapping[str, Any], path: str, vocabulary: Vocabulary) -> OrdersRule:
    reading.table(raw, path, required=["orders"])
    path = at(path, "orders")
    body = reading.table(raw["orders"], path, required=["metric", "op", "value"], optional=["where", "window", "gross"])
    metric = reading.choice(body["metric"], at(path, "metric"), METRICS)
    op = reading.choice(body["op"], at(path, "op"), figures.COMPARISONS)
    filters = reading.sequence(body.get("where", []), at(path, "where"), least=0)
    if "gross" in body and metric != "sum":
        raise RuleError(at(path, "gross"), _("Only a sum can be gross."))
    return OrdersRule(
        metric=metric,
        op=op,
        values=_values(body["value"], at(path, "value"), metric, op),
        where=tuple(_parse_filter(item, f"{at(path, 'where')}[{i}]") for i, item in enumerate(filters)),
        window=windows.parse_window(body["window"], at(path, "window"), vocabulary) if "window" in body else Window(),
        gross=reading.boolean(body.get("gross", False), at(path, "gross")),
    )


def _values(raw: Any, path: str, metric: str, op: str) -> tuple[Any, ...]:
    if op != "between":
        return (_figure(raw, path, metric),)
    low, high = (
        _figure(item, f"{path}[{i}]", metric) for i, item in enumerate(reading.sequence(raw, path, least=2, most=2))
    )
    if not isinstance(low, Offset) and not isinstance(high, Offset) and low > high:
        raise RuleError(path, _("The first value is above the second."))
    return low, high


def _figure(raw: Any, path: str, metric: str) -> Any:
    if metric in ("count", "distinct"):
        return reading.whole(raw, path, least=0)
    return parse_moment(raw, path) if metric in TIMES else reading.money(raw, path)


def _parse_filter(raw: Any, path: str) -> LineFilter:
    reading.table(raw, path, required=["field", "op", "value"])
    field = reading.choice(raw["field"], at(path, "field"), FILTERS)
    op = reading.choice(raw["op"], at(path, "op"), FILTERS[field])
    here = at(path, "value")
    items = reading.sequence(raw["value"], here) if op == "in" else [raw["value"]]
    paths = [f"{here}[{i}]" for i in range(len(items))] if op == "in" else [here]
    return LineFilter(field, op, tuple(_filter_value(item, p, field) for item, p in zip(items, paths, strict=True)))


def _filter_value(raw: Any, path: str, field: str) -> str | int:
    if field == "price":
        return reading.money(raw, path)
    if field == "quantity":
        return reading.whole(raw, path)
    if field == "status":
        return reading.choice(raw, path, OrderStatus.values)
    return reading.text(raw, path)


def _compile(rule: OrdersRule, scope: Scope) -> Q:
    """People without matching orders have count, sum and distinct 0; of the other figures they have none."""
    rows, meant = _purchases(rule, scope), windows.known(rule.window, scope)
    if _is_existence(rule):
        found = scope.has(rows)
        return meant & (found if rule.op in (">", ">=") else ~found)
    by_line = rows.model is OrderLine
    amount = "amount" if by_line else "total"
    if rule.metric == "sum" and not rule.gross:
        refunds = _purchases(rule, scope, refunds=True)
        return meant & figures.compare_balance(rows, refunds, amount, rule.op, rule.values, scope)
    if by_line and rule.metric in ("avg", "min", "max"):
        rows, amount = _orders_by_matching_amount(rule, scope), "matching"
    figure: Aggregate = {
        # The column of a line is never null, and counting rows spares the engine to tell orders apart.
        "count": Count("order_id", distinct=True) if by_line else Count("*"),
        "sum": Sum(amount),
        "avg": Avg(amount),
        "min": Min(amount),
        "max": Max(amount),
        "distinct": Count("code", distinct=True) if by_line else Count("*"),
        "first": Min("placed_at"),
        "last": Max("placed_at"),
    }[rule.metric]
    values = [resolved(value, scope.as_of) for value in rule.values] if rule.metric in TIMES else rule.values
    return meant & figures.compare(
        rows, figure, rule.op, values, scope, zero=rule.metric in ("count", "sum", "distinct")
    )


def _is_existence(rule: OrdersRule) -> bool:
    """Whether the rule only asks for having, or not having, a matching order."""
    return rule.metric == "count" and figures.is_existence(rule.op, rule.values)


def _orders_by_matching_amount(rule: OrdersRule, scope: Scope) -> Rows:
    """The orders that have lines which the rule is about, with the amount of those lines as ``matching``."""
    # A window that hangs on the row that is asked can only be seen from right inside it.
    by_row = anchors.is_by_row(rule.window)
    lines = _purchases(replace(rule, window=Window()) if by_row else rule, scope)
    own = lines.filter(order_id=OuterRef("pk")).values("order_id").annotate(matching=Sum("amount"))
    orders = Order.objects.filter(pk__in=lines.values("order_id"), subscriber__isnull=False)
    orders = windows.within(orders, "placed_at", rule.window, scope)
    with_amount: Rows = orders.annotate(matching=Subquery(own.values("matching")))
    return with_amount


def _purchases(rule: OrdersRule, scope: Scope, *, refunds: bool = False) -> Rows:
    """The orders, order lines, refunds or refund lines the rule is about."""
    by_line = rule.metric == "distinct" or any(item.field != "status" for item in rule.where)
    model: Any = {
        (False, False): Order,
        (True, False): OrderLine,
        (False, True): Refund,
        (True, True): RefundLine,
    }[by_line, refunds]
    status = {Order: "status", OrderLine: "order__status", Refund: "order__status", RefundLine: "refund__order__status"}
    time = "refunded_at" if refunds else "placed_at"
    rows: Rows = windows.within(model.objects.filter(subscriber__isnull=False), time, rule.window, scope)
    if all(item.field != "status" for item in rule.where):
        # A refund need not name its order; then it counts.
        rows = rows.filter(~Q(**{status[model]: OrderStatus.CANCELLED}))
    for item in rule.where:
        rows = rows.filter(_matches(item, status[model]))
    return rows


def matching(rule: OrdersRule, scope: Scope, *, refunds: bool = False) -> Rows:
    """The orders or order lines, or the refunds or refund lines, that a rule is about, of everybody."""
    return _purchases(rule, scope, refunds=refunds)


def _matches(item: LineFilter, status: str) -> Q:
    """One filter on lines; what the catalogue does not know matches nothing, "is not" included."""
    column = {
        "product": "code",
        "category": "product__category_folded",
        "brand": "product__brand_folded",
        "price": "unit_price",
        "quantity": "quantity",
        "status": status,
    }[item.field]
    folded = item.field in ("category", "brand")
    values = [fold(str(value)) for value in item.values] if folded else list(item.values)
    if item.op == "in":
        return Q(**{f"{column}__in": values})
    if item.op == "is_not":
        known = Q(**{f"{column}__isnull": False})
        return known & ~Q(**{f"{column}__in": [*values, ""] if folded else values})
    return Q(**{f"{column}__{_LOOKUPS[item.op]}": values[0]})


def _phrase(rule: OrdersRule) -> Phrase:
    filters, window = " ".join(map(_filter_words, rule.where)), window_words(rule.window)
    comparison, figure = operator_words(rule.op, dates=rule.metric in TIMES), _figure_words(rule)
    operator = " ".join(filter(None, [_metric_words(rule), filters, comparison]))
    if _is_existence(rule):
        had = rule.op in (">", ">=")
        words = [_("who placed an order") if had else _("who placed no order"), filters, window]
    else:
        words = [_("for whom"), _metric_words(rule), filters, window, comparison, figure]
    return Phrase(_("Orders"), operator, " ".join(filter(None, [figure, window])), " ".join(filter(None, words)))


def _metric_words(rule: OrdersRule) -> str:
    return {
        "count": _("the number of orders"),
        "sum": _("the sum of orders before refunds") if rule.gross else _("the sum of orders less refunds"),
        "avg": _("the average order"),
        "min": _("the smallest order"),
        "max": _("the largest order"),
        "distinct": _("the number of different products ordered"),
        "first": _("the date of the first order"),
        "last": _("the date of the last order"),
    }[rule.metric]


def _filter_words(item: LineFilter) -> str:
    field = {
        "product": _("product"),
        "category": _("category"),
        "brand": _("brand"),
        "price": _("price of a piece"),
        "quantity": _("quantity"),
        "status": _("status"),
    }[item.field]
    words = [money_words(int(value)) if item.field == "price" else str(value) for value in item.values]
    if item.op in ("is", "in"):
        return _("with %(field)s %(value)s") % {"field": field, "value": either(words)}
    return _("with %(field)s that %(operator)s %(value)s") % {
        "field": field,
        "operator": operator_words(item.op),
        "value": either(words),
    }


def _figure_words(rule: OrdersRule) -> str:
    if rule.metric in ("count", "distinct"):
        words = [str(value) for value in rule.values]
    elif rule.metric in TIMES:
        words = [moment_words(value) for value in rule.values if isinstance(value, dt.datetime | Offset)]
    else:
        words = [money_words(value) for value in rule.values if isinstance(value, int)]
    return both(words)


KIND = Kind("orders", OrdersRule, _parse, _compile, _phrase)
