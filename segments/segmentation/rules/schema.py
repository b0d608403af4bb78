"""The JSON Schema (draft 2020-12) of rule JSON: what can be said about a rule without knowing the shop.

It is assembled from one part for each kind of rule; apps above add theirs with ``add``. Whatever the reader of rules takes is
valid by it. The reader refuses more: fields, topics and segments that do not exist, values that do not fit their field, a
first value above a second, groups nested too deep.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeAlias

from segments.commerce.models import OrderStatus
from segments.segmentation.rules import attributes, birthdays, buckets, events, figures, lists, orders, topics, windows
from segments.segmentation.rules.parse import GROUPS, MAX_LEAVES, VERSION
from segments.segmentation.rules.reading import MAX_LIST, MAX_NUMBER, MAX_TEXT

Schema: TypeAlias = dict[str, Any]

_parts: dict[str, Callable[[], Schema]] = {}


def add(key: str, part: Callable[[], Schema]) -> None:
    """Make known the schema of the rules that are told by ``key``; a second one of the same key is a bug: ValueError."""
    if key in _parts:
        raise ValueError(f"{key!r} is registered twice.")
    _parts[key] = part


def described() -> Collection[str]:
    """The keys of the kinds that the schema describes."""
    return _parts.keys()


def rule_schema() -> Schema:
    """The whole schema, as it is published."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rule",
        "description": "Says whom a segment, a block or a branch means: rule JSON, version 1.",
        "$ref": "#/$defs/node",
        "properties": {"v": {"const": VERSION}},
        "unevaluatedProperties": False,
        "$defs": {
            "rule": {"$ref": "#/$defs/node", "unevaluatedProperties": False},
            "node": {
                "type": "object",
                "oneOf": [{"$ref": f"#/$defs/{name}"} for name in (*GROUPS, *sorted(_parts))],
            },
            **{name: _group(name) for name in GROUPS},
            **{key: _parts[key]() for key in sorted(_parts)},
            "event_filter": _event_filters(),
            "happening": _happening(),
            "window": _window(),
            "anchor": _anchor(),
            "moment": _moment(),
            "offset": _offset(),
            "span": _span(),
        },
    }


# --- what the parts are made of -----------------------------------------------------------------------------------------


def table(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None, **more: Any) -> Schema:
    """An object with these keys and no others."""
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {})},
        "additionalProperties": False,
        **more,
    }


def leaf(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None, **more: Any) -> Schema:
    """A rule with these keys; whoever refers to it sees to it that there are no others."""
    return {"required": list(required), "properties": {**required, **(optional or {})}, **more}


def text(**more: Any) -> Schema:
    return {"type": "string", "minLength": 1, "maxLength": MAX_TEXT, **more}


def choice(words: Iterable[str]) -> Schema:
    return {"enum": list(words)}


def whole(least: int = -MAX_NUMBER, most: int = MAX_NUMBER) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most}


def number(least: float = -MAX_NUMBER, most: float = MAX_NUMBER) -> Schema:
    return {"type": "number", "minimum": least, "maximum": most}


def array(items: Schema, least: int = 1, most: int = MAX_LIST) -> Schema:
    return {"type": "array", "items": items, "minItems": least, "maxItems": most}


def one_of(*choices: Schema, **more: Any) -> Schema:
    return {"oneOf": list(choices), **more}


def ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def compared(value: Schema, operators: Iterable[str] = tuple(figures.COMPARISONS)) -> Schema:
    """``op`` and ``value`` as they go together: two values, the lower first, for "between"."""
    return one_of(
        {"properties": {"op": {"const": "between"}, "value": array(value, 2, 2)}},
        {"properties": {"op": choice(op for op in operators if op != "between"), "value": value}},
    )


# --- groups and leaves --------------------------------------------------------------------------------------------------


def _group(name: str) -> Schema:
    says = {
        "all": "True when every rule in it is; empty, of everybody.",
        "any": "True when at least one rule in it is.",
        "none": "True when no rule in it is: what is not known counts as not true.",
    }[name]
    return leaf({name: array(ref("rule"), 0 if name == "all" else 1, MAX_LEAVES)}, description=says)


def _attribute() -> Schema:
    scalar: Schema = {"type": ["string", "number", "boolean"]}
    value = one_of(scalar, ref("offset"))
    known, listed = ("is_known", "not_known"), ("in", "not_in", "contains_any", "contains_all")
    special = {*known, *listed, "between", "within_next"}
    plain = {op for operators in attributes.OPERATORS.values() for op in operators} - special
    return leaf(
        {"attr": text(), "op": {}},
        {"value": {}},
        description="Compares something known of the person; false where it is not known.",
        oneOf=[
            {"properties": {"op": choice(known), "value": False}},
            {"properties": {"op": choice(listed), "value": array(scalar)}, "required": ["value"]},
            {"properties": {"op": {"const": "between"}, "value": array(value, 2, 2)}, "required": ["value"]},
            {"properties": {"op": {"const": "within_next"}, "value": _ahead()}, "required": ["value"]},
            {"properties": {"op": choice(sorted(plain)), "value": value}, "required": ["value"]},
        ],
    )


def _ahead() -> Schema:
    spans = [{"prefixItems": [whole(1, most), {"const": unit}]} for unit, most in birthdays.AHEAD.items()]
    return {"type": "array", "minItems": 2, "items": False, "prefixItems": [{}, {}], "oneOf": spans}


def _near() -> Schema:
    point = {"latitude": number(-90, 90), "longitude": number(-180, 180)}
    return leaf({"near": table({**point, "km": {"type": "number", "exclusiveMinimum": 0}})})


def _orders() -> Schema:
    filters = table(
        {"field": choice(orders.FILTERS), "op": {}, "value": {}}, oneOf=list(map(_line_filter, orders.FILTERS))
    )
    money, gross = number(), {"gross": {"type": "boolean"}}
    body = table(
        {"metric": choice(orders.METRICS), "op": choice(figures.COMPARISONS), "value": {}},
        {"where": array(filters, 0), "window": ref("window"), **gross},
        oneOf=[
            _figure(["count", "distinct"], whole(0), gross=False),
            _figure(orders.TIMES, ref("moment"), gross=False),
            _figure(["sum"], money),
            _figure(["avg", "min", "max"], money, gross=False),
        ],
    )
    return leaf({"orders": body}, description="Compares a figure over the person's orders; money is in main units.")


def _figure(metrics: Iterable[str], value: Schema, **others: Any) -> Schema:
    return {"properties": {"metric": choice(metrics), **others}, **compared(value)}


def _line_filter(field: str) -> Schema:
    values: dict[str, Schema] = {"price": number(), "quantity": whole(), "status": choice(OrderStatus.values)}
    value = values.get(field, text())
    operators = orders.FILTERS[field]
    return {
        "properties": {"field": {"const": field}},
        **one_of(
            {"properties": {"op": {"const": "in"}, "value": array(value)}},
            {"properties": {"op": choice(op for op in operators if op != "in"), "value": value}},
        ),
    }


def _event() -> Schema:
    anything: Schema = {"pattern": f"^(amount|{events.PROPERTY.pattern})$"}
    body = table(
        {"name": text(pattern=f"^{events.NAME.pattern}$"), "metric": choice(events.METRICS), "op": {}, "value": {}},
        {"of": text(), "where": array(ref("event_filter"), 0), "window": ref("window")},
        oneOf=[
            _figure(["count"], whole(0), of=False),
            _figure(["distinct"], whole(0), of={"pattern": f"^(amount|subject|{events.PROPERTY.pattern})$"}),
            _figure(["first", "last"], ref("moment"), of=False),
            _figure(["sum", "avg", "min", "max"], number(), of=anything),
        ],
    )
    return leaf({"event": body}, description="Compares a figure over the person's events of one name.")


def _happening() -> Schema:
    return table({"name": text(pattern=f"^{events.NAME.pattern}$")}, {"where": array(ref("event_filter"), 0)})


def _event_filters() -> Schema:
    fields = [_event_filter({"const": field}, field, operators) for field, operators in events.FILTERS.items()]
    own = _event_filter({"pattern": f"^{events.PROPERTY.pattern}$"}, "data", events.PROPERTY_FILTERS)
    return table({"field": text(), "op": {}}, {"value": {}}, oneOf=[*fields, own])


def _event_filter(named: Schema, field: str, operators: Iterable[str]) -> Schema:
    ordered, known = ("<", "<=", ">", ">="), ("is_known", "not_known")
    plain: dict[str, Schema] = {"amount": number(), "data": {"type": ["string", "number", "boolean"]}}
    value = plain.get(field, text())
    # Of one type, texts or numbers.
    some = {"anyOf": [array(text()), array(number())]} if field == "data" else array(text())
    branches = [
        {"properties": {"op": {"const": "in"}, "value": some}, "required": ["value"]},
        {"properties": {"op": choice(known), "value": False}},
        {"properties": {"op": choice(ordered), "value": number()}, "required": ["value"]},
        {"properties": {"op": {"const": "contains"}, "value": text()}, "required": ["value"]},
        {"properties": {"op": choice(["is", "is_not"]), "value": value}, "required": ["value"]},
    ]
    return {"properties": {"field": named, "op": choice(operators)}, "oneOf": branches}


def _sequence() -> Schema:
    body = table(
        {"first": ref("happening")},
        {"then": ref("happening"), "then_not": ref("happening"), "within": ref("span"), "window": ref("window")},
        oneOf=[{"required": ["then"]}, {"required": ["then_not"]}],
    )
    return leaf({"sequence": body}, description="After one event came another, or none did.")


def _bucket() -> Schema:
    place = whole(0, buckets.BUCKETS - 1)
    return leaf({"bucket": table({"salt": text(), "from": place, "to": place})}, description="A steady random share.")


# --- times --------------------------------------------------------------------------------------------------------------


def _window() -> Schema:
    calendar: Schema = {
        "type": "array",
        "prefixItems": [choice(windows.CALENDAR), whole(-windows.MAX_OFFSET, 0)],
        "items": False,
        "minItems": 2,
    }
    return one_of(
        table({"last": ref("span")}),
        table({"calendar": calendar}, {"zone": choice(["shop", "person"])}),
        table({"between": array({"type": "string"}, 2, 2)}),
        table({"before": {"type": "string"}}),
        table({"after": {"type": "string"}}),
        table({"since": ref("anchor")}),
        table({"not_since": ref("anchor")}),
        description="A span of time; its start is in it, its end is not, and nothing that is still to come is.",
    )


def _anchor() -> Schema:
    named: Schema = {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": text()}
    says = 'An instant of the person\'s own, such as last_order, or with which one is meant, such as {"topic": "news"}.'
    return one_of({"type": "string"}, named, description=says)


def _moment() -> Schema:
    says = "A date such as 2026-11-19, a time such as 2026-11-19T08:40, or a distance from the instant asked about."
    return one_of({"type": "string"}, ref("offset"), description=says)


def _offset() -> Schema:
    return one_of(table({"ago": _span(0)}), table({"in": _span(0)}))


def _span(least: int = 1) -> Schema:
    return {
        "type": "array",
        "prefixItems": [whole(least, windows.MAX_COUNT), choice(windows.UNITS)],
        "items": False,
        "minItems": 2,
    }


add("attr", _attribute)
add("near", _near)
add("orders", _orders)
add("event", _event)
add("sequence", _sequence)
add("topic", lambda: leaf({"topic": text(), "is": choice(topics.STATES)}))
add("list", lambda: leaf({"list": text(description="A UUID."), "is": choice(lists.PLACES)}))
add("segment", lambda: leaf({"segment": text(description="A UUID.")}))
add("bucket", _bucket)
