"""Rules about what brought somebody in: ``{"trigger": "total", "op": ">", "value": 80}``.

They are asked of rows that carry it, such as messages and enrolments; of a person alone they are false. ``total`` is
compared in main units, ``lines`` and ``products`` are of the cart or order, ``years`` of a date, and ``data.<name>`` is a
property of the event itself. What is missing, or of another type than the value, is false.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Expression, F, FloatField, Func, Q
from django.db.models.lookups import Exact, GreaterThan, GreaterThanOrEqual, In, IsNull, LessThan, LessThanOrEqual
from django.db.models.sql.compiler import SQLCompiler
from django.utils.formats import number_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from personalize.accounts.models import Brand
from personalize.content import languages
from segments.segmentation.rules import reading, schema
from segments.segmentation.rules.compiler import NOBODY
from segments.segmentation.rules.kinds import Kind, Phrase, Scope
from segments.segmentation.rules.nodes import Node
from segments.segmentation.rules.reading import RuleError, at
from segments.segmentation.rules.sql import JsonListHolds, JsonScalar
from segments.segmentation.rules.turns import next_turn
from segments.segmentation.rules.vocabulary import Vocabulary
from segments.segmentation.rules.witnesses import Asked, witness
from segments.segmentation.rules.words import both, either, operator_words

COLUMN = "context"
"""Where rows keep what brought their person in, beside the person."""

_COMPARISONS = {"<": LessThan, "<=": LessThanOrEqual, ">": GreaterThan, ">=": GreaterThanOrEqual}
NUMBERS = ("is", "is_not", *_COMPARISONS)
TEXTS = ("is", "is_not", "in")
LISTS = ("contains_any", "contains_all")
_DATA = re.compile(r"data\.[A-Za-z_][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True)
class TriggerRule(Node):
    """Compares something of what brought the person in. ``values`` are of one type; money is in ten-thousandths."""

    field: str
    op: str
    values: tuple[str | int | float | bool, ...]


class _Length(Func):
    """How many items the list under a key of a JSON column has; null where there is none."""

    def __init__(self, column: str, key: str) -> None:
        super().__init__(F(column), output_field=FloatField())
        self.key = key

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, Any]:
        column, params = compiler.compile(self.source_expressions[0])
        sql = f"CASE WHEN jsonb_typeof({column} -> %s) = 'array' THEN jsonb_array_length({column} -> %s) END"
        return sql, [*params, self.key, *params, self.key]

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, Any]:
        column, params = compiler.compile(self.source_expressions[0])
        path = f'$."{self.key}"'
        sql = f"CASE WHEN json_type({column}, %s) = 'array' THEN json_array_length({column}, %s) END"
        return sql, [*params, path, *params, path]


def _parse(raw: Mapping[str, Any], path: str, vocabulary: Vocabulary) -> TriggerRule:
    body = reading.table(raw, path, required=["trigger", "op", "value"])
    field, here, value = body["trigger"], at(path, "trigger"), at(path, "value")
    reading.text(field, here)
    if field in ("total", "lines", "years"):
        op = reading.choice(body["op"], at(path, "op"), NUMBERS)
        read = reading.money if field == "total" else reading.whole
        return TriggerRule(field, op, (read(body["value"], value),))
    if field == "products":
        op = reading.choice(body["op"], at(path, "op"), LISTS)
        return TriggerRule(field, op, _texts(body["value"], value))
    if field in ("event", "about"):
        op = reading.choice(body["op"], at(path, "op"), TEXTS)
        return TriggerRule(field, op, _texts(body["value"], value) if op == "in" else (_text(body["value"], value),))
    if not _DATA.fullmatch(field):
        known = "total, lines, products, years, event, about, data.…"
        raise RuleError(here, _("Expected one of: %(choices)s.") % {"choices": known})
    return _parse_data(field, body, path)


def _parse_data(field: str, body: Mapping[str, Any], path: str) -> TriggerRule:
    raw, here = body["value"], at(path, "value")
    op = reading.choice(body["op"], at(path, "op"), (*TEXTS, *_COMPARISONS))
    if op == "in":
        return TriggerRule(field, op, _texts(raw, here))
    if op in _COMPARISONS:
        return TriggerRule(field, op, (reading.number(raw, here),))
    if isinstance(raw, bool):
        return TriggerRule(field, op, (raw,))
    return TriggerRule(field, op, (_text(raw, here) if isinstance(raw, str) else reading.number(raw, here),))


def _texts(raw: Any, path: str) -> tuple[str, ...]:
    return tuple(_text(item, f"{path}[{index}]") for index, item in enumerate(reading.sequence(raw, path)))


def _text(raw: Any, path: str) -> str:
    return reading.text(raw, path)


def _compile(rule: TriggerRule, scope: Scope) -> Q:
    if not scope.person:
        return NOBODY
    column = _column(scope)
    if rule.field == "products":
        join = or_ if rule.op == "contains_any" else and_
        return reduce(join, [Q(JsonListHolds(column, "products", str(code))) for code in rule.values])
    value, values = _value(rule, column)
    return Q(IsNull(value, False)) & _compare(value, rule.op, values)


def _column(scope: Scope) -> str:
    return "__".join([*scope.person.split("__")[:-1], COLUMN])


def _value(rule: TriggerRule, column: str) -> tuple[Expression, list[Any]]:
    """What is compared, and with what."""
    first = rule.values[0]
    if rule.field == "lines":
        return _Length(column, "products"), [first]
    path = rule.field.split(".", 1)
    if isinstance(first, bool):
        return JsonScalar(column, path, "boolean"), ["true" if first else "false"]
    return JsonScalar(column, path, "string" if isinstance(first, str) else "number"), list(rule.values)


def _compare(value: Expression, op: str, values: list[Any]) -> Q:
    match op:
        case "is":
            return Q(Exact(value, values[0]))
        case "is_not":
            return ~Q(Exact(value, values[0]))
        case "in":
            return Q(In(value, values))
    return Q(_COMPARISONS[op](value, values[0]))


@next_turn.register
def _turn(_node: TriggerRule, _scope: Scope) -> None:
    """What brought somebody in is over and done with."""


def _phrase(rule: TriggerRule) -> Phrase:
    words = [_words(rule.field, value) for value in rule.values]
    value = both(words) if rule.op == "contains_all" else either(words)
    name, whose = _names(rule.field)
    if rule.field == "total":
        operator, clause = _worth(rule.op), _("whose cart or order %(operator)s %(value)s")
    else:
        operator, clause = operator_words(rule.op, single=len(rule.values) == 1), _("%(whose)s %(operator)s %(value)s")
    return Phrase(name, operator, value, clause % {"whose": whose, "operator": operator, "value": value})


def _worth(op: str) -> str:
    return {
        "is": _("is worth"),
        "is_not": _("is not worth"),
        "<": _("is worth less than"),
        "<=": _("is worth at most"),
        ">": _("is worth more than"),
        ">=": _("is worth at least"),
    }[op]


def _names(field: str) -> tuple[str, str]:
    """What is compared: standing alone, and after "People"."""
    known = {
        "total": (_("Worth of the cart or order"), ""),
        "lines": (_("Products in the cart or order"), _("whose number of products in the cart or order")),
        "products": (_("The cart or order"), _("whose cart or order")),
        "years": (_("Years since"), _("whose number of years since")),
        "event": (_("What brought them in"), _("who came in by an event that")),
        "about": (_("What it is about"), _("who came in for something that")),
    }
    name = field.partition(".")[2]
    return known.get(field) or (name, _("who came in by something whose %(name)s") % {"name": name})


def _words(field: str, value: str | int | float | bool) -> str:
    if field == "total":
        brand = Brand.objects.first()
        return languages.short_price(int(value), brand.currency if brand else "GBP", get_language() or "en")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return f"‘{value}’" if isinstance(value, str) else number_format(value, force_grouping=True)


@witness.register
def _witness(rule: TriggerRule, *, person: int, scope: Scope) -> str:
    rows = scope.rows if isinstance(scope, Asked) else None
    if rows is None or not scope.person:
        return _("Nothing brought them in")
    column = _column(scope)
    context = rows.order_by().values_list(column, flat=True).first() or {}
    first, _dot, inner = rule.field.partition(".")
    found = context.get("products" if rule.field == "lines" else first)
    if inner:
        found = found.get(inner) if isinstance(found, dict) else None
    if rule.field == "lines" and isinstance(found, list):
        found = len(found)
    name = _names(rule.field)[0]
    if found is None or isinstance(found, dict):
        return _("Not known: %(name)s") % {"name": name}
    told = ", ".join(map(str, found)) if isinstance(found, list) else _words(rule.field, found)
    return _("%(name)s: %(value)s") % {"name": name, "value": told}


def json_schema() -> schema.Schema:
    """What can be said of such a rule without knowing the shop."""
    ordered = {"properties": {"op": schema.choice(_COMPARISONS), "value": schema.number()}}
    listed = {"properties": {"op": {"const": "in"}, "value": schema.array(schema.text())}}
    same = schema.choice(["is", "is_not"])
    scalar: schema.Schema = {"type": ["string", "number", "boolean"]}

    def of(fields: schema.Schema, *choices: schema.Schema) -> schema.Schema:
        return {"properties": {"trigger": fields}, "oneOf": list(choices)}

    return schema.leaf(
        {"trigger": schema.text(), "op": {}, "value": {}},
        description="Asks about what brought the person in; false of a person alone.",
        oneOf=[
            of({"const": "total"}, {"properties": {"op": schema.choice(NUMBERS), "value": schema.number()}}),
            of(
                schema.choice(["lines", "years"]),
                {"properties": {"op": schema.choice(NUMBERS), "value": schema.whole()}},
            ),
            of(
                {"const": "products"},
                {"properties": {"op": schema.choice(LISTS), "value": schema.array(schema.text())}},
            ),
            of(schema.choice(["event", "about"]), listed, {"properties": {"op": same, "value": schema.text()}}),
            of({"pattern": f"^{_DATA.pattern}$"}, listed, ordered, {"properties": {"op": same, "value": scalar}}),
        ],
    )


KIND = Kind("trigger", TriggerRule, _parse, _compile, _phrase)
