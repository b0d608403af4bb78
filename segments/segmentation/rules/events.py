"""Rules about what a person did: a figure over their events of one name, compared with a value.

``{"event": {"name": "email_clicked", "metric": "count", "op": ">=", "value": 1, "window": {"last": [180, "days"]}}}``

``sum``, ``avg``, ``min``, ``max`` and ``distinct`` are of what ``of`` names: ``amount``, ``subject`` or ``data.<name>``.
Count, sum and distinct are 0 of people without such events; of the other figures they have none.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

from django.db.models import Avg, Count, Expression, F, Max, Min, Q, Sum
from django.db.models.functions import StrIndex
from django.db.models.lookups import Exact, GreaterThan, GreaterThanOrEqual, In, IsNull, LessThan, LessThanOrEqual
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from personalize.core.database import fold
from segments.commerce.models import Product
from segments.events.models import Event
from segments.segmentation.rules import figures, reading, windows
from segments.segmentation.rules.happenings import clause_words, noun
from segments.segmentation.rules.kinds import Kind, Phrase, Scope
from segments.segmentation.rules.moments import parse_moment, resolved
from segments.segmentation.rules.nodes import EventFilter, EventRule, Happening, Offset, Window
from segments.segmentation.rules.reading import RuleError, at
from segments.segmentation.rules.sql import JsonScalar
from segments.segmentation.rules.vocabulary import Vocabulary
from segments.segmentation.rules.words import both, either, moment_words, money_words, operator_words, window_words

METRICS = ("count", "sum", "avg", "min", "max", "distinct", "first", "last")
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
PROPERTY = re.compile(r"data\.[A-Za-z_][A-Za-z0-9_]{0,63}")
_COMPARISONS = {"<": LessThan, "<=": LessThanOrEqual, ">": GreaterThan, ">=": GreaterThanOrEqual}
_EXACT = ("is", "is_not", "in")
FILTERS: Mapping[str, tuple[str, ...]] = {
    "subject": (*_EXACT, "contains"),
    "amount": ("is", "is_not", *_COMPARISONS),
    "category": _EXACT,
    "brand": _EXACT,
}
PROPERTY_FILTERS = (*_EXACT, *_COMPARISONS, "contains", "is_known", "not_known")
_ZERO = ("count", "sum", "distinct")


def _parse(raw: Mapping[str, Any], path: str, vocabulary: Vocabulary) -> EventRule:
    reading.table(raw, path, required=["event"])
    path = at(path, "event")
    body = reading.table(
        raw["event"], path, required=["name", "metric", "op", "value"], optional=["of", "where", "window"]
    )
    metric = reading.choice(body["metric"], at(path, "metric"), METRICS)
    op = reading.choice(body["op"], at(path, "op"), figures.COMPARISONS)
    of = _of(body, path, metric)
    return EventRule(
        happening=parse_happening({key: body[key] for key in ("name", "where") if key in body}, path),
        metric=metric,
        op=op,
        values=_values(body["value"], at(path, "value"), metric, of, op),
        of=of,
        window=windows.parse_window(body["window"], at(path, "window"), vocabulary) if "window" in body else Window(),
    )


def parse_happening(raw: Any, path: str) -> Happening:
    """Read ``{"name": …, "where": […]}``; raises RuleError."""
    body = reading.table(raw, path, required=["name"], optional=["where"])
    name = reading.text(body["name"], at(path, "name"))
    if not NAME.fullmatch(name):
        raise RuleError(at(path, "name"), _("Names of events are lower case, such as product_viewed."))
    filters = reading.sequence(body.get("where", []), at(path, "where"), least=0)
    return Happening(name, tuple(_filter(item, f"{at(path, 'where')}[{i}]") for i, item in enumerate(filters)))


def _of(body: Mapping[str, Any], path: str, metric: str) -> str:
    needs = metric in ("sum", "avg", "min", "max", "distinct")
    if not needs:
        if "of" in body:
            raise RuleError(at(path, "of"), _("This figure is of the events themselves."))
        return ""
    if metric == "distinct" and "of" not in body:
        return "subject"
    of = reading.text(body.get("of", "amount"), at(path, "of"))
    if of not in ("amount", "subject") and not PROPERTY.fullmatch(of):
        raise RuleError(at(path, "of"), _("Expected one of: %(choices)s.") % {"choices": "amount, subject, data.…"})
    if of == "subject" and metric != "distinct":
        raise RuleError(at(path, "of"), _("Only numbers have this figure."))
    return of


def _values(raw: Any, path: str, metric: str, of: str, op: str) -> tuple[Any, ...]:
    if op != "between":
        return (_figure(raw, path, metric, of),)
    items = reading.sequence(raw, path, least=2, most=2)
    low, high = (_figure(item, f"{path}[{i}]", metric, of) for i, item in enumerate(items))
    if not isinstance(low, Offset) and not isinstance(high, Offset) and low > high:
        raise RuleError(path, _("The first value is above the second."))
    return low, high


def _figure(raw: Any, path: str, metric: str, of: str) -> Any:
    if metric in ("count", "distinct"):
        return reading.whole(raw, path, least=0)
    if metric in ("first", "last"):
        return parse_moment(raw, path)
    return reading.money(raw, path) if of == "amount" else reading.number(raw, path)


def _filter(raw: Any, path: str) -> EventFilter:
    body = reading.table(raw, path, required=["field", "op"], optional=["value"])
    field = reading.text(body["field"], at(path, "field"))
    if field not in FILTERS and not PROPERTY.fullmatch(field):
        known = ", ".join([*FILTERS, "data.…"])
        raise RuleError(at(path, "field"), _("Expected one of: %(choices)s.") % {"choices": known})
    op = reading.choice(body["op"], at(path, "op"), FILTERS.get(field, PROPERTY_FILTERS))
    here = at(path, "value")
    if op in ("is_known", "not_known"):
        if "value" in body:
            raise RuleError(here, _("This comparison takes no value."))
        return EventFilter(field, op)
    if "value" not in body:
        raise RuleError(path, _("‘%(key)s’ is missing.") % {"key": "value"})
    if op == "in":
        items = reading.sequence(body["value"], here)
        return EventFilter(field, op, tuple(reading.text(item, f"{here}[{i}]") for i, item in enumerate(items)))
    return EventFilter(field, op, (_filter_value(body["value"], here, field, op),))


def _filter_value(raw: Any, path: str, field: str, op: str) -> str | int | float | bool:
    if field == "amount":
        return reading.money(raw, path)
    if op in _COMPARISONS:
        return reading.number(raw, path)
    if field in FILTERS or op == "contains" or isinstance(raw, str):
        return reading.text(raw, path)
    return raw if isinstance(raw, bool) else reading.number(raw, path)


def _compile(rule: EventRule, scope: Scope) -> Q:
    rows = windows.within(events(rule.happening), "occurred_at", rule.window, scope)
    meant = windows.known(rule.window, scope)
    if rule.metric == "count" and figures.is_existence(rule.op, rule.values):
        found = scope.has(rows)
        return meant & (found if rule.op in (">", ">=") else ~found)
    if rule.metric in ("first", "last"):
        values = [resolved(value, scope.as_of) for value in rule.values]
        figure: Any = Min("occurred_at") if rule.metric == "first" else Max("occurred_at")
        return meant & figures.compare(rows, figure, rule.op, values, scope)
    if rule.metric == "count":
        return meant & figures.compare(rows, Count("*"), rule.op, rule.values, scope, zero=True)
    of = value_of(rule.of, "string" if rule.metric == "distinct" else "number")
    rows = rows.filter(IsNull(of, False)) if isinstance(of, Expression) else rows.exclude(**{rule.of: None})
    figure = {
        "sum": Sum(of),
        "avg": Avg(of),
        "min": Min(of),
        "max": Max(of),
        "distinct": Count(of, distinct=True),
    }[rule.metric]
    return meant & figures.compare(rows, figure, rule.op, rule.values, scope, zero=rule.metric in _ZERO)


def events(happening: Happening) -> figures.Rows:
    """The events that are meant, of everybody."""
    rows: figures.Rows = Event.objects.filter(name=happening.name)
    for one in happening.where:
        rows = rows.filter(_matches(one))
    return rows


def value_of(of: str, type: str) -> Expression | F:
    """What a figure is of: a column, or a property of this JSON type; properties of another type do not count."""
    return JsonScalar("properties", [of.partition(".")[2]], type) if of.startswith("data.") else F(of)


def _matches(one: EventFilter) -> Q:
    """A filter on events; what an event does not have matches nothing but ``not_known``, ``is_not`` included."""
    if one.field in ("category", "brand"):
        products = Product.objects.filter(**{f"{one.field}_folded__gt": ""})
        wanted = {f"{one.field}_folded__in": [fold(str(value)) for value in one.values]}
        products = products.exclude(**wanted) if one.op == "is_not" else products.filter(**wanted)
        return Q(subject__in=products.values("code"))
    if one.op in ("is_known", "not_known"):
        known = Q(properties__has_key=one.field.partition(".")[2])
        return known if one.op == "is_known" else ~known
    first = one.values[0]
    type = "boolean" if isinstance(first, bool) else "string" if isinstance(first, str) else "number"
    value = value_of(one.field, type)
    values = ["true" if item else "false" for item in one.values] if type == "boolean" else list(one.values)
    known = Q(IsNull(value, False)) if one.field != "subject" else ~Q(subject="")
    match one.op:
        case "is":
            return Q(Exact(value, values[0]))
        case "in":
            return Q(In(value, values))
        case "is_not":
            return known & ~Q(Exact(value, values[0]))
        case "contains":
            return known & Q(GreaterThan(StrIndex(value, values[0]), 0))
    return known & Q(_COMPARISONS[one.op](value, values[0]))


def _phrase(rule: EventRule) -> Phrase:
    filters = filter_words(rule.happening)
    window, comparison = window_words(rule.window), operator_words(rule.op, dates=rule.metric in ("first", "last"))
    figure, name = _figure_words(rule), noun(rule.happening.name)
    operator = " ".join(filter(None, [_metric_words(rule), filters, comparison]))
    if rule.metric == "count" and figures.is_existence(rule.op, rule.values):
        clause = clause_words(rule.happening.name, did=rule.op in (">", ">="))
        words = [clause, filters, window]
    else:
        words = [_("for whom"), _metric_words(rule), filters, window, comparison, figure]
    return Phrase(name, operator, " ".join(filter(None, [figure, window])), " ".join(filter(None, words)))


def _metric_words(rule: EventRule) -> str:
    event = noun(rule.happening.name)
    of = {"amount": _("amount"), "subject": _("thing it is about")}.get(rule.of, f"‘{rule.of.partition('.')[2]}’")
    return {
        "count": _("the number of times of ‘%(event)s’"),
        "sum": _("the sum of %(of)s of ‘%(event)s’"),
        "avg": _("the average %(of)s of ‘%(event)s’"),
        "min": _("the smallest %(of)s of ‘%(event)s’"),
        "max": _("the largest %(of)s of ‘%(event)s’"),
        "distinct": _("the number of different values of %(of)s of ‘%(event)s’"),
        "first": _("the time of the first ‘%(event)s’"),
        "last": _("the time of the last ‘%(event)s’"),
    }[rule.metric] % {"event": event, "of": of}


def filter_words(happening: Happening) -> str:
    """The filters in words, to follow the event; empty where there are none."""
    return " ".join(map(_filter_words, happening.where))


def _filter_words(one: EventFilter) -> str:
    known = {"subject": _("subject"), "amount": _("amount"), "category": _("category"), "brand": _("brand")}
    name = known.get(one.field) or f"‘{one.field.partition('.')[2]}’"
    values = [_value_words(value, one.field) for value in one.values]
    words = {"field": name, "operator": operator_words(one.op), "value": either(values) if values else ""}
    if one.op in ("is", "in"):
        return _("with %(field)s %(value)s") % words
    return (_("with %(field)s that %(operator)s %(value)s") % words).strip()


def _value_words(value: str | int | float | bool, field: str) -> str:
    if field == "amount":
        return money_words(int(value))
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return number_format(value, force_grouping=True) if isinstance(value, int | float) else value


def _figure_words(rule: EventRule) -> str:
    if rule.metric in ("first", "last"):
        return both([moment_words(value) for value in rule.values if isinstance(value, dt.datetime | Offset)])
    money = rule.of == "amount" and rule.metric != "distinct"
    return both([money_words(value) if money else number_format(value, force_grouping=True) for value in rule.values])


KIND = Kind("event", EventRule, _parse, _compile, _phrase)
