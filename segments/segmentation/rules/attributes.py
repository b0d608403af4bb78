"""Rules about what is known of a person: ``{"attr": "country", "op": "is", "value": "GB"}``.

Texts are compared without regard to case on their stored folded form. A comparison with something that is not known is
false, "is not" included; only ``not_known`` finds people without a value. Dates are compared with a date or with one so far
from the person's own today, ``{"ago": [30, "days"]}`` or ``{"in": [7, "days"]}``; times from the instant asked about.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import reduce
from operator import and_, or_
from typing import Any, cast

from django.db.models import Expression, F, Q, Value
from django.db.models.functions import StrIndex
from django.db.models.lookups import Exact, GreaterThan, GreaterThanOrEqual, In, IsNull, LessThan, LessThanOrEqual
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from personalize.core.database import fold
from segments.segmentation.rules import birthdays, local, reading
from segments.segmentation.rules.kinds import Kind, Phrase, Scope
from segments.segmentation.rules.moments import parse_day, parse_moment, resolved, shifted
from segments.segmentation.rules.nodes import AttributeRule, Field, Offset, Scalar
from segments.segmentation.rules.reading import RuleError, at
from segments.segmentation.rules.sql import JsonListHolds, JsonText, JsonValue
from segments.segmentation.rules.vocabulary import Vocabulary
from segments.segmentation.rules.words import field_words, operator_words, value_words

_KNOWN = ("is_known", "not_known")
_EXACT = ("is", "is_not", "in", "not_in", *_KNOWN)
_TEXT = (*_EXACT, "contains", "starts_with")
_ORDERED = ("is", "is_not", "<", "<=", ">", ">=", "between", *_KNOWN)
OPERATORS: Mapping[str, tuple[str, ...]] = {
    "text": _TEXT,
    "code": (*_EXACT, "starts_with"),
    "enum": _EXACT,
    "bool": ("is", "is_not", *_KNOWN),
    "int": (*_ORDERED, "in", "not_in"),
    "decimal": _ORDERED,
    "age": _ORDERED,
    "date": _ORDERED,
    "datetime": _ORDERED,
    "yearly": ("within_next", *_KNOWN),
    "multi": ("contains_any", "contains_all", *_KNOWN),
}
_OWN = ("age", "yearly")
"""Types that are judged by a person's own calendar whatever they are compared with."""

_LISTS = ("in", "not_in", "contains_any", "contains_all")
_COMPARISONS = {"<": LessThan, "<=": LessThanOrEqual, ">": GreaterThan, ">=": GreaterThanOrEqual}


def _parse(raw: Mapping[str, Any], path: str, vocabulary: Vocabulary) -> AttributeRule:
    reading.table(raw, path, required=["attr", "op"], optional=["value"])
    key = reading.text(raw["attr"], at(path, "attr"))
    field = vocabulary.fields.get(key)
    if field is None:
        raise RuleError(at(path, "attr"), _("There is no field ‘%(key)s’.") % {"key": key})
    op = reading.choice(raw["op"], at(path, "op"), OPERATORS[field.type])
    here = at(path, "value")
    if op in _KNOWN:
        if "value" in raw:
            raise RuleError(here, _("This comparison takes no value."))
        return AttributeRule(field, op)
    if "value" not in raw:
        raise RuleError(path, _("‘%(key)s’ is missing.") % {"key": "value"})
    if op in _LISTS:
        items = reading.sequence(raw["value"], here)
        return AttributeRule(field, op, tuple(_value(item, f"{here}[{i}]", field) for i, item in enumerate(items)))
    values: tuple[Scalar, ...]
    if op == "between":
        items = reading.sequence(raw["value"], here, least=2, most=2)
        low, high = values = tuple(_value(item, f"{here}[{i}]", field) for i, item in enumerate(items))
        if _is_above(low, high):
            raise RuleError(here, _("The first value is above the second."))
    else:
        values = (_value(raw["value"], here, field),)
    own = field.type in _OWN or (field.type == "date" and any(isinstance(value, Offset) for value in values))
    return AttributeRule(field, op, values, vocabulary.zone() if own else "UTC")


def _is_above(low: Scalar, high: Scalar) -> bool:
    """Whether that is certain: of two distances in different units, or one and a date, it may change with time."""
    if isinstance(low, Offset) and isinstance(high, Offset):
        return low.unit == high.unit and low.count > high.count
    if isinstance(low, Offset) or isinstance(high, Offset):
        return False
    return bool(low > high)  # type: ignore[operator]  # Both are of the field's type.


def _value(raw: Any, path: str, field: Field) -> Scalar:
    match field.type:
        case "int" | "age":
            return reading.whole(raw, path)
        case "decimal":
            return reading.number(raw, path)
        case "bool":
            return reading.boolean(raw, path)
        case "date":
            return parse_day(raw, path)
        case "datetime":
            return parse_moment(raw, path)
        case "yearly":
            return birthdays.parse_span(raw, path)
        case "text":
            return reading.text(raw, path)
        case "code":
            return _code(reading.text(raw, path).strip(), field)
    if field.choices:
        return reading.choice(raw, path, field.choices)
    return reading.text(raw, path)


def _code(text: str, field: Field) -> str:
    """A code in the spelling in which it is stored."""
    if field.key == "country":
        return text.upper()
    if field.key == "language":
        language, *rest = text.split("-")
        return "-".join([language.lower(), *(part.upper() if len(part) == 2 else part.title() for part in rest)])
    return text


def _compile(rule: AttributeRule, scope: Scope) -> Q:
    field = rule.field
    if field.type == "multi":
        return _compile_multi(rule, scope)
    value, known = _source(field, scope)
    if rule.op == "is_known":
        return known
    if rule.op == "not_known":
        return ~known
    if field.type == "yearly":
        return known & birthdays.birthday_within(cast(Offset, rule.values[0]), scope, rule.zone)
    if field.type == "age":
        return known & birthdays.age(rule.op, list(rule.values), scope, rule.zone)
    if field.type == "date":
        return _compare_days(value, rule, scope) & known
    moments = [resolved(item, scope.as_of) if isinstance(item, Offset) else item for item in rule.values]
    stored = [_stored(item, field) for item in moments]
    holds = _compare(value, rule.op, stored)
    if rule.op == "is" and not field.column and field.type in ("text", "enum"):
        # A test that is cheap because it does not look at the type; few get past it to the real one.
        holds = Q(Exact(JsonText(scope.path(_column(field)), field.key), stored[0])) & holds
    # No value equals nothing known, nor is less or more: such a comparison is null or false by itself.
    return holds if scope.loose and rule.op not in ("is_not", "not_in") else known & holds


def _compare_days(value: Expression | F, rule: AttributeRule, scope: Scope) -> Q:
    """The comparison of a date with fixed ones, or with such as hang on the person's own."""
    ops = (">=", "<=") if rule.op == "between" else (rule.op,)
    return local.compare(value, list(zip(ops, map(_reckoning, rule.values), strict=True)), scope, rule.zone)


def _reckoning(item: Any) -> local.Reckon:
    """The date that is meant where a calendar shows a date, as it is stored."""
    return lambda day: (shifted(day, item) if isinstance(item, Offset) else item).isoformat()


def value_of(field: Field, scope: Scope | None = None) -> JsonValue:
    """The value of a registered attribute that has one; what its index is built on."""
    column = _column(field)
    return JsonValue(scope.path(column) if scope else column, field.key, field.type)


def _column(field: Field) -> str:
    return "attributes_folded" if field.type == "text" else "attributes"


def _source(field: Field, scope: Scope) -> tuple[Expression | F, Q]:
    """The expression of the field's value, and the condition that it is known."""
    if not field.column:
        value = value_of(field, scope)
        return value, Q(IsNull(value, False))
    column = scope.path(field.column)
    if field.type == "age":
        return F(column), birthdays.age_known(scope)
    if field.type == "yearly":
        return F(column), birthdays.birthday_known(scope)
    if field.type in ("text", "code"):
        return F(column), Q(**{f"{column}__isnull": False}) & ~Q(**{column: ""})
    return F(column), Q(**{f"{column}__isnull": False})


def _stored(value: Scalar, field: Field) -> Any:
    """A value in the form in which the field is kept."""
    if field.type == "text":
        return fold(str(value))
    if field.column:
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return value.isoformat(timespec="seconds")[:19]
    return value.isoformat() if isinstance(value, dt.date) else value


def _compare(value: Expression | F, op: str, stored: list[Any]) -> Q:
    match op:
        case "is":
            return Q(Exact(value, stored[0]))
        case "is_not":
            return ~Q(Exact(value, stored[0]))
        case "in":
            return Q(In(value, stored))
        case "not_in":
            return ~Q(In(value, stored))
        case "contains":
            # Not LIKE: its idea of case differs between the engines.
            return Q(GreaterThan(StrIndex(value, Value(stored[0])), 0))
        case "starts_with":
            return Q(Exact(StrIndex(value, Value(stored[0])), 1))
        case "between":
            return Q(GreaterThanOrEqual(value, stored[0])) & Q(LessThanOrEqual(value, stored[1]))
    return Q(_COMPARISONS[op](value, stored[0]))


def _compile_multi(rule: AttributeRule, scope: Scope) -> Q:
    column, key = scope.path("attributes"), rule.field.key
    if rule.op in _KNOWN:
        known = Q(**{f"{column}__has_key": key})
        return known if rule.op == "is_known" else ~known
    holds = [Q(JsonListHolds(column, key, str(item))) for item in rule.values]
    return reduce(or_ if rule.op == "contains_any" else and_, holds)


def _phrase(rule: AttributeRule) -> Phrase:
    field = rule.field
    label, operator, value = field.label[:1].upper() + field.label[1:], _operator_words(rule), value_words(rule)
    clause = _CLAUSES.get((field.type, rule.op), _("whose %(field)s %(operator)s %(value)s"))
    words = {"field": field_words(field), "operator": operator, "value": value}
    return Phrase(label, operator, value, (str(clause) % words).strip())


# Of what people have several.
_AMONG = gettext_lazy("who have %(value)s among their %(field)s")
_CLAUSES = {
    ("multi", "contains_any"): _AMONG,
    ("multi", "contains_all"): _AMONG,
    ("multi", "is_known"): gettext_lazy("whose %(field)s are known"),
    ("multi", "not_known"): gettext_lazy("whose %(field)s are not known"),
}


def _operator_words(rule: AttributeRule) -> str:
    return operator_words(rule.op, dates=rule.field.type in ("date", "datetime"), single=len(rule.values) == 1)


KIND = Kind("attr", AttributeRule, _parse, _compile, _phrase)
