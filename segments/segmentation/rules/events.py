"""Rules about what a person did: a figure over their events of one name, compared with a value.

``{"event": {"name": "email_clicked", "metric": "count", "op": ">=", "value": 1, "window": {"last": [180, "days"]}}}``

``sum``, ``avg``, ``min`` and ``max`` are of the numbers that ``of`` names, ``amount`` or ``data.<name>``; ``distinct`` is of
any values, ``subject`` too. Count, sum and distinct are 0 of people without such events; of the other figures they have none.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import Avg, Count, Expression, F, Max, Min, Q, Sum, Value
from django.db.models.functions import StrIndex
from django.db.models.lookups import Exact, GreaterThan, GreaterThanOrEqual, In, IsNull, LessThan, LessThanOrEqual
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from personalize.core.database import fold
from segments.commerce.models import Product
from segments.events.models import Event
from segments.segmentation.rules import figures, reading, windows
from segments.segmentation.rules.happenings import clause_words, noun
from segments.segmentation.rules.kinds import Kind, Phrase, Scope
from segments.segmentation.rules.moments import parse_moment, resolved
from segments.segmentation.rules.nodes import EventFilter, EventRule, Happening, Offset, Window
from segments.segmentation.rules.reading import RuleError, at
from segments.segmentation.rules.sql import JsonDistinct, JsonKnown, JsonListHolds, JsonScalar
from segments.segmentation.rules.vocabulary import Vocabulary
from segments.segmentation.rules.words import both, either, moment_words, money_words, operator_words, window_words

METRICS = ("count", "sum", "avg", "min", "max", "distinct", "first", "last")
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
PROPERTY = re.compile(r"data\.[A-Za-z_][A-Za-z0-9_]{0,63}")
_COMPARISONS = {"<": LessThan, "<=": LessThanOrEqual, ">": GreaterThan, ">=": GreaterThanOrEqual}
_EXACT = ("is", "is_not", "in")
_KNOWN = ("is_known", "not_known")
FILTERS: Mapping[str, tuple[str, ...]] = {
    "subject": (*_EXACT, "contains", *_KNOWN),
    "amount": ("is", "is_not", *_COMPARISONS, *_KNOWN),
    "category": _EXACT,
    "brand": _EXACT,
}
MAX_FILTERS = 20
PROPERTY_FILTERS = (*_EXACT, *_COMPARISONS, "contains", *_KNOWN)
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
    filters = reading.sequence(body.get("where", []), at(path, "where"), least=0, most=MAX_FILTERS)
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
    if op in _KNOWN:
        if "value" in body:
            raise RuleError(here, _("This comparison takes no value."))
        return EventFilter(field, op)
    if "value" not in body:
        raise RuleError(path, _("‘%(key)s’ is missing.") % {"key": "value"})
    if op == "in":
        items = reading.sequence(body["value"], here)
        # Of one type, which the first one tells.
        numbers = field not in FILTERS and not isinstance(items[0], str)
        read: Callable[[Any, str], str | float] = reading.number if numbers else reading.text
        return EventFilter(field, op, tuple(read(item, f"{here}[{i}]") for i, item in enumerate(items)))
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
    of = figured(rule)
    rows = rows.filter(known(rule.of, of))
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
    return Event.objects.filter(*map(_matches, happening.where), name=happening.name)


def figured(rule: EventRule) -> Expression | F:
    """What a figure is of; where it is of numbers, other properties do not count."""
    if rule.metric == "distinct" and rule.of.startswith("data."):
        return JsonDistinct("properties", _key(rule.of))
    return _value(rule.of, "number")


def _value(field: str, type: str) -> Expression | F:
    """A column, or a property of this JSON type, null where it is of another."""
    return JsonScalar("properties", [_key(field)], type) if field.startswith("data.") else F(field)


def known(field: str, value: Expression | F) -> Q:
    """Whether an event has such a value."""
    return ~Q(subject="") if field == "subject" else Q(IsNull(value, False))


def _key(field: str) -> str:
    return field.partition(".")[2]


def _matches(one: EventFilter) -> Q:
    """A filter on events; what an event does not have matches nothing but ``not_known``, ``is_not`` included."""
    if one.field in ("category", "brand"):
        products = Product.objects.filter(**{f"{one.field}_folded__gt": ""})
        wanted = {f"{one.field}_folded__in": [fold(str(value)) for value in one.values]}
        products = products.exclude(**wanted) if one.op == "is_not" else products.filter(**wanted)
        return Q(subject__in=products.values("code"))
    if one.op in _KNOWN:
        data = one.field.startswith("data.")
        has = Q(JsonKnown("properties", _key(one.field))) if data else known(one.field, F(one.field))
        return has if one.op == "is_known" else ~has
    first = one.values[0]
    type = "boolean" if isinstance(first, bool) else "string" if isinstance(first, str) else "number"
    value = _value(one.field, type)
    values = ["true" if item else "false" for item in one.values] if type == "boolean" else list(one.values)
    has = known(one.field, value)
    match one.op:
        case "is":
            return Q(Exact(value, values[0]))
        case "in":
            return Q(In(value, values))
        case "is_not":
            return has & ~Q(Exact(value, values[0]))
        case "contains":
            inside = has & Q(GreaterThan(StrIndex(value, Value(str(first))), 0))
            held = one.field.startswith("data.") and JsonListHolds("properties", _key(one.field), str(first))
            return inside | Q(held) if held else inside
    return has & Q(_COMPARISONS[one.op](value, values[0]))


def _phrase(rule: EventRule) -> Phrase:
    filters, window = filter_words(rule.happening), window_words(rule.window)
    metric, comparison = _metric_words(rule), operator_words(rule.op, dates=rule.metric in ("first", "last"))
    figure, event = _figure_words(rule), noun(rule.happening.name)
    words = [_("for whom"), _("%(figure)s of ‘%(event)s’") % {"figure": metric, "event": event}]
    words += [filters, window, comparison, figure]
    if rule.metric == "count":
        exists = figures.is_existence(rule.op, rule.values)
        clause = clause_words(rule.happening.name, did=not exists or rule.op in (">", ">="))
        words = [clause, filters, "" if exists else _times_words(rule), window]
    return Phrase(
        field=" ".join(filter(None, [event, filters])),
        operator=f"{metric} {comparison}",
        value=" ".join(filter(None, [figure, window])),
        clause=" ".join(filter(None, words)),
    )


def _times_words(rule: EventRule) -> str:
    """How often."""
    if rule.op == "between":
        low, high = (number_format(value, force_grouping=True) for value in rule.values)
        return _("between %(low)s and %(high)s times") % {"low": low, "high": high}
    (count,) = rule.values
    words = {
        ">": ngettext("more than %(n)s time", "more than %(n)s times", count),
        ">=": ngettext("at least %(n)s time", "at least %(n)s times", count),
        "<": ngettext("fewer than %(n)s time", "fewer than %(n)s times", count),
        "<=": ngettext("at most %(n)s time", "at most %(n)s times", count),
        "=": ngettext("exactly %(n)s time", "exactly %(n)s times", count),
        "!=": ngettext("any number of times but %(n)s", "any number of times but %(n)s", count),
    }
    return words[rule.op] % {"n": number_format(count, force_grouping=True)}


def _metric_words(rule: EventRule) -> str:
    of = {"amount": _("amounts"), "subject": _("subjects")}.get(
        rule.of, _("values of ‘%(name)s’") % {"name": _key(rule.of)}
    )
    return {
        "count": _("the number of times"),
        "sum": _("the sum of the %(of)s"),
        "avg": _("the average of the %(of)s"),
        "min": _("the smallest of the %(of)s"),
        "max": _("the largest of the %(of)s"),
        "distinct": _("the number of different %(of)s"),
        "first": _("the time of the first"),
        "last": _("the time of the last"),
    }[rule.metric] % {"of": of}


def filter_words(happening: Happening) -> str:
    """The filters in words, to follow the event; empty where there are none."""
    return both(map(_filter_words, happening.where)) if happening.where else ""


def _filter_words(one: EventFilter) -> str:
    known = {"subject": _("subject"), "amount": _("amount"), "category": _("category"), "brand": _("brand")}
    name = known.get(one.field) or f"‘{_key(one.field)}’"
    values = [_value_words(value, one.field) for value in one.values]
    words = {"field": name, "operator": operator_words(one.op), "value": either(values) if values else ""}
    if one.op in ("is", "in"):
        return _("with %(field)s %(value)s") % words
    return (_("whose %(field)s %(operator)s %(value)s") % words).strip()


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
