"""Rules about what a person bought: a figure over their orders, compared with a value.

``{"orders": {"metric": "sum", "where": [{"field": "category", "op": "is", "value": "Garden"}], "op": ">", "value": 500,
"window": {"last": [90, "days"]}}}``

Without ``where`` an order's amount is its total; with it, the amount of its lines that meet every filter. Cancelled orders
and their refunds do not count unless a filter names the status.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, TypeAlias

from django.db.models import Avg, Count, F, Max, Min, OuterRef, Q, QuerySet, Subquery, Sum
from django.utils.translation import gettext as _

from personalize.core.database import fold
from segments.commerce.models import Order, OrderLine, OrderStatus, Refund, RefundLine
from segments.segmentation.rules import reading
from segments.segmentation.rules.kinds import Kind, Phrase, Scope
from segments.segmentation.rules.nodes import LineFilter, OrdersRule, Window
from segments.segmentation.rules.reading import RuleError, at
from segments.segmentation.rules.sql import Balance
from segments.segmentation.rules.vocabulary import Vocabulary
from segments.segmentation.rules.windows import bounds, parse_window
from segments.segmentation.rules.words import both, date_words, either, money_words, operator_words, window_words
from segments.subscribers.models import Subscriber

METRICS = ("count", "sum", "avg", "min", "max", "first", "last")
COMPARISONS = (">", "<", ">=", "<=", "=", "!=", "between")
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
    op = reading.choice(body["op"], at(path, "op"), COMPARISONS)
    filters = reading.sequence(body.get("where", []), at(path, "where"), least=0)
    if "gross" in body and metric != "sum":
        raise RuleError(at(path, "gross"), _("Only a sum can be gross."))
    return OrdersRule(
        metric=metric,
        op=op,
        values=_values(body["value"], at(path, "value"), metric, op),
        where=tuple(_parse_filter(item, f"{at(path, 'where')}[{i}]") for i, item in enumerate(filters)),
        window=parse_window(body["window"], at(path, "window")) if "window" in body else Window(),
        gross=reading.boolean(body.get("gross", False), at(path, "gross")),
    )


def _values(raw: Any, path: str, metric: str, op: str) -> tuple[Any, ...]:
    if op != "between":
        return (_figure(raw, path, metric),)
    low, high = (
        _figure(item, f"{path}[{i}]", metric) for i, item in enumerate(reading.sequence(raw, path, least=2, most=2))
    )
    if low > high:
        raise RuleError(path, _("The first value is above the second."))
    return low, high


def _figure(raw: Any, path: str, metric: str) -> Any:
    if metric == "count":
        return reading.whole(raw, path, least=0)
    return reading.moment(raw, path) if metric in ("first", "last") else reading.money(raw, path)


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
    """People without matching orders have count and sum 0; of the other figures they have none, so no comparison is true.

    Where 0 satisfies the comparison, people are told by not being among those whose figure fails it.
    """
    if _is_existence(rule):
        found = scope.has(_purchases(rule, scope))
        return found if rule.op in (">", ">=") else ~found
    if rule.metric in ("count", "sum") and _holds_for_zero(rule):
        return ~_those_with(rule, scope, negated=True)
    return _those_with(rule, scope)


def _is_existence(rule: OrdersRule) -> bool:
    """Whether the rule only asks for having, or not having, a matching order."""
    return rule.metric == "count" and (rule.op, *rule.values) in {(">", 0), (">=", 1), ("=", 0), ("<", 1), ("<=", 0)}


def _holds_for_zero(rule: OrdersRule) -> bool:
    low, high = rule.values[0], rule.values[-1]
    holds: dict[str, bool] = {
        ">": low < 0,
        "<": low > 0,
        ">=": low <= 0,
        "<=": low >= 0,
        "=": low == 0,
        "!=": low != 0,
        "between": low <= 0 <= high,
    }
    return holds[rule.op]


def _those_with(rule: OrdersRule, scope: Scope, *, negated: bool = False) -> Q:
    """People with matching rows whose figure satisfies the comparison (or fails it, when ``negated``)."""
    if rule.metric == "sum" and not rule.gross:
        ids: Any = Balance([_amounts(rule, scope), _amounts(rule, scope, refunds=True)], rule.op, rule.values, negated)
    else:
        condition = _satisfies("figure", rule.op, rule.values)
        ids = _figures(rule, scope).filter(~condition if negated else condition).values("subscriber_id")
    return scope.has(Subscriber.objects.filter(pk__in=ids), "pk")


def _satisfies(name: str, op: str, values: tuple[Any, ...]) -> Q:
    if op == "between":
        return Q(**{f"{name}__gte": values[0], f"{name}__lte": values[1]})
    return ~Q(**{name: values[0]}) if op == "!=" else Q(**{f"{name}__{_LOOKUPS[op]}": values[0]})


def _figures(rule: OrdersRule, scope: Scope) -> Rows:
    """One row per person with matching orders, the metric as ``figure``."""
    rows = _purchases(rule, scope)
    by_line = rows.model is OrderLine
    order = "order_id" if by_line else "pk"
    amount = "amount" if by_line else "total"
    if by_line and rule.metric in ("avg", "min", "max"):
        rows, amount = _orders_by_matching_amount(rows), "matching"
    figure = {
        "count": Count(order, distinct=True),
        "sum": Sum(amount),
        "avg": Avg(amount),
        "min": Min(amount),
        "max": Max(amount),
        "first": Min("placed_at"),
        "last": Max("placed_at"),
    }[rule.metric]
    grouped: Rows = rows.values("subscriber_id").annotate(figure=figure)
    return grouped


def _orders_by_matching_amount(lines: Rows) -> Rows:
    """The orders of some lines, with the amount of those lines as ``matching``."""
    own = lines.filter(order_id=OuterRef("pk")).values("order_id").annotate(matching=Sum("amount"))
    orders = Order.objects.filter(pk__in=lines.values("order_id"), subscriber__isnull=False)
    with_amount: Rows = orders.annotate(matching=Subquery(own.values("matching")))
    return with_amount


def _amounts(rule: OrdersRule, scope: Scope, *, refunds: bool = False) -> Rows:
    """Rows of person and amount; refunds are negative."""
    rows = _purchases(rule, scope, refunds=refunds)
    amount = F("amount" if rows.model in (OrderLine, RefundLine) else "total")
    return rows.values_list("subscriber_id", -amount if refunds else amount)


def _purchases(rule: OrdersRule, scope: Scope, *, refunds: bool = False) -> Rows:
    """The orders, order lines, refunds or refund lines the rule is about."""
    by_line = any(item.field != "status" for item in rule.where)
    model: Any = {
        (False, False): Order,
        (True, False): OrderLine,
        (False, True): Refund,
        (True, True): RefundLine,
    }[by_line, refunds]
    status = {Order: "status", OrderLine: "order__status", Refund: "order__status", RefundLine: "refund__order__status"}
    time = "refunded_at" if refunds else "placed_at"
    start, end = bounds(rule.window, scope.as_of)
    rows: Rows = model.objects.filter(subscriber__isnull=False, **{f"{time}__lt": end})
    if start:
        rows = rows.filter(**{f"{time}__gte": start})
    if all(item.field != "status" for item in rule.where):
        # A refund need not name its order; then it counts.
        rows = rows.filter(~Q(**{status[model]: OrderStatus.CANCELLED}))
    for item in rule.where:
        rows = rows.filter(_matches(item, status[model]))
    return rows


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
    comparison, figure = operator_words(rule.op, dates=rule.metric in ("first", "last")), _figure_words(rule)
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
    if rule.metric == "count":
        words = [str(value) for value in rule.values]
    elif rule.metric in ("first", "last"):
        words = [date_words(value) for value in rule.values if isinstance(value, dt.datetime)]
    else:
        words = [money_words(value) for value in rule.values if isinstance(value, int)]
    return both(words)


KIND = Kind("orders", OrdersRule, _parse, _compile, _phrase)
