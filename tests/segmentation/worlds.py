"""Small random shops and a naive reading of rules in plain Python, against which the SQL is held."""

from __future__ import annotations

import datetime as dt
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from segments.commerce.models import Refund, RefundLine
from segments.consent.models import Topic
from segments.subscribers.models import Subscriber
from tests.factories import NOW, make_order, make_product, make_subscriber, make_subscription
from tests.segmentation import calendars, doings

COUNTRIES = ["", "GB", "IE", "DE"]
CITIES = ["", "Bristol", "BATH", "Köln", "50%_Hill"]
CODES = ["A", "B", "C"]
CATEGORIES = {"A": "Garden", "B": "Kitchen", "C": ""}
UNKNOWN_CODE = "X"
STATUSES = ["placed", "delivered", "cancelled", "refunded"]
STATES = ["subscribed", "pending", "unsubscribed"]
INTERESTS = ["candles", "tableware", "garden"]
FIELDS = {
    "tier": "int",
    "vip": "bool",
    "since": "date",
    "nick": "text",
    "spend": "decimal",
    "likes": "multi",
} | calendars.FIELDS
DAYS = [0, 1, 10, 30, 31, 90]


@dataclass
class Line:
    code: str
    quantity: int
    unit_price: int

    @property
    def amount(self) -> int:
        return self.quantity * self.unit_price


@dataclass
class Sale:
    """An order or, with ``of`` as the status of its order if it names one, a refund."""

    at: dt.datetime
    status: str | None
    lines: list[Line]


@dataclass
class Person:
    country: str
    city: str
    born: tuple[int, int, int] | None
    attributes: dict[str, Any]
    topic: str | None
    own: calendars.Own = field(default_factory=calendars.Own)
    orders: list[Sale] = field(default_factory=list)
    refunds: list[Sale] = field(default_factory=list)
    did: list[doings.Doing] = field(default_factory=list)
    got: list[doings.Mail] = field(default_factory=list)
    row: Subscriber | None = None


moments = st.sampled_from(DAYS).flatmap(
    lambda days: st.sampled_from([-1, 0, 1]).map(lambda s: NOW - dt.timedelta(days=days, seconds=s))
)
lines = st.lists(
    st.builds(
        Line, st.sampled_from([*CODES, UNKNOWN_CODE]), st.integers(1, 3), st.sampled_from([5_000, 10_000, 25_000])
    ),
    min_size=1,
    max_size=3,
)
attributes = st.fixed_dictionaries(
    {},
    optional={
        "tier": st.integers(-1, 3),
        "vip": st.booleans(),
        "since": st.sampled_from(["2024-02-29", "2025-01-01", "2026-11-19"]),
        "nick": st.sampled_from(["Straße", "ann", "O'Neil"]),
        "spend": st.sampled_from(["0.10", "12.5", "-3", "100"]),
        "likes": st.lists(st.sampled_from(INTERESTS), max_size=2, unique=True).map(sorted),
        **calendars.ATTRIBUTES,
    },
)
people = st.builds(
    Person,
    country=st.sampled_from(COUNTRIES),
    city=st.sampled_from(CITIES),
    born=st.none() | st.sampled_from([(1990, 11, 19), (1990, 11, 20), (2000, 2, 29), (1961, 5, 1), *calendars.BORN]),
    attributes=attributes,
    topic=st.none() | st.sampled_from(STATES),
    own=calendars.owns,
    orders=st.lists(st.builds(Sale, moments, st.sampled_from(STATUSES), lines), max_size=3),
    refunds=st.lists(st.builds(Sale, moments, st.none() | st.sampled_from(STATUSES), lines), max_size=1),
    did=st.lists(doings.doings, max_size=4),
    got=st.lists(doings.mails, max_size=2),
)

_numbers = st.sampled_from([0, 1, 2, 3])
_amounts = st.sampled_from([0, 0.5, 1, 2.5, 5, 7.5])
_between_numbers = st.tuples(_numbers, _numbers).map(lambda pair: sorted(pair))
_attribute_rules = st.one_of(
    st.builds(
        lambda op, v: {"attr": "country", "op": op, "value": v},
        st.sampled_from(["is", "is_not"]),
        st.sampled_from(["gb", "IE"]),
    ),
    st.builds(
        lambda op, v: {"attr": "country", "op": op, "value": v},
        st.sampled_from(["in", "not_in"]),
        st.just(["GB", "DE"]),
    ),
    st.builds(
        lambda op, v: {"attr": "city", "op": op, "value": v},
        st.sampled_from(["is", "is_not", "contains", "starts_with"]),
        st.sampled_from(["bath", "KÖLN", "b", "%", "0%_h"]),
    ),
    st.builds(
        lambda key, op: {"attr": key, "op": op},
        st.sampled_from(["country", "city", "age", *FIELDS]),
        st.sampled_from(["is_known", "not_known"]),
    ),
    st.builds(
        lambda op, v: {"attr": "age", "op": op, "value": v},
        st.sampled_from(["is", "is_not", "<", ">="]),
        st.sampled_from([26, 35, 36]),
    ),
    st.builds(
        lambda op, v: {"attr": "tier", "op": op, "value": v},
        st.sampled_from(["is", "is_not", "<", "<=", ">", ">="]),
        _numbers,
    ),
    st.builds(lambda v: {"attr": "tier", "op": "between", "value": v}, _between_numbers),
    st.builds(lambda op, v: {"attr": "vip", "op": op, "value": v}, st.sampled_from(["is", "is_not"]), st.booleans()),
    st.builds(
        lambda op, v: {"attr": "since", "op": op, "value": v},
        st.sampled_from(["is", "is_not", "<", ">="]),
        st.just("2025-01-01"),
    ),
    st.builds(
        lambda op, v: {"attr": "nick", "op": op, "value": v},
        st.sampled_from(["is", "is_not", "contains"]),
        st.sampled_from(["STRASSE", "Ann", "'"]),
    ),
    st.builds(
        lambda op, v: {"attr": "spend", "op": op, "value": v},
        st.sampled_from(["is", "is_not", "<", ">"]),
        st.sampled_from([0.1, 12.5, 9]),
    ),
    st.builds(
        lambda op, v: {"attr": "likes", "op": op, "value": v},
        st.sampled_from(["contains_any", "contains_all"]),
        st.lists(st.sampled_from(INTERESTS), min_size=1, max_size=2),
    ),
)
_filters = st.one_of(
    st.builds(
        lambda op, v: {"field": "product", "op": op, "value": v},
        st.sampled_from(["is", "is_not"]),
        st.sampled_from([*CODES, UNKNOWN_CODE]),
    ),
    st.builds(lambda op: {"field": "category", "op": op, "value": "GARDEN"}, st.sampled_from(["is", "is_not"])),
    st.builds(lambda v: {"field": "category", "op": "in", "value": v}, st.just(["garden", "kitchen"])),
    st.builds(
        lambda op, v: {"field": "price", "op": op, "value": v},
        st.sampled_from(["is", "<", ">="]),
        st.sampled_from([0.5, 1]),
    ),
    st.builds(
        lambda op, v: {"field": "quantity", "op": op, "value": v}, st.sampled_from(["is_not", ">"]), st.integers(1, 2)
    ),
    st.builds(
        lambda op, v: {"field": "status", "op": op, "value": v},
        st.sampled_from(["is", "is_not"]),
        st.sampled_from(STATUSES),
    ),
)
_windows = st.one_of(
    st.builds(lambda d: {"last": [d, "days"]}, st.sampled_from(DAYS[1:])),
    st.just({"last": [1, "months"]}),
    st.builds(lambda d: {"before": (NOW - dt.timedelta(days=d)).isoformat()}, st.sampled_from(DAYS)),
    st.builds(lambda d: {"after": (NOW - dt.timedelta(days=d)).isoformat()}, st.sampled_from(DAYS)),
    st.just({"between": [(NOW - dt.timedelta(days=31)).isoformat(), (NOW - dt.timedelta(days=1)).isoformat()]}),
)


@st.composite
def _order_rules(draw: st.DrawFn) -> dict[str, Any]:
    metric = draw(st.sampled_from(["count", "count", "sum", "sum", "avg", "min", "max", "distinct", "first", "last"]))
    op = draw(st.sampled_from([">", "<", ">=", "<=", "=", "!=", "between"]))
    values = {
        "count": _numbers,
        "distinct": _numbers,
        "first": st.sampled_from(DAYS).map(lambda days: (NOW - dt.timedelta(days=days)).isoformat()),
    }
    values["last"] = values["first"]
    value = values.get(metric, _amounts)
    body: dict[str, Any] = {"metric": metric, "op": op}
    body["value"] = sorted([draw(value), draw(value)]) if op == "between" else draw(value)
    if metric in ("first", "last") and op != "between" and draw(st.booleans()):
        body["value"] = draw(doings.instants)
    if where := draw(st.lists(_filters, max_size=2)):
        body["where"] = where
    if draw(st.booleans()):
        body["window"] = draw(_windows | doings.windows)
    if metric == "sum" and draw(st.booleans()):
        body["gross"] = True
    return {"orders": body}


_leaves = st.one_of(
    _attribute_rules,
    calendars.leaves,
    _order_rules(),
    _order_rules(),
    doings.rules,
    doings.rules,
    st.builds(lambda state: {"topic": "news", "is": state}, st.sampled_from([*STATES, "not_subscribed"])),
)
_groups = st.sampled_from(["all", "any", "none"])


@st.composite
def _deep(draw: st.DrawFn) -> dict[str, Any]:
    """A tree of five levels, with leaves on the way down."""
    rule = draw(_leaves)
    for _level in range(5):
        rule = {draw(_groups): draw(st.permutations([rule, *draw(st.lists(_leaves, max_size=1))]))}
    return rule


rules = st.one_of(
    st.recursive(
        _leaves,
        lambda inner: st.builds(lambda group, some: {group: some}, _groups, st.lists(inner, min_size=1, max_size=3)),
        max_leaves=4,
    ),
    _deep(),
)


def build(world: list[Person], topic: Topic) -> None:
    """Write a world into the tables."""
    products = {code: make_product(code, category=CATEGORIES[code]) for code in CODES}
    mailings = doings.begin()
    for person in world:
        year, month, day = person.born or (None, None, None)
        person.row = make_subscriber(
            country=person.country,
            city=person.city,
            birth_year=year,
            birth_month=month,
            birth_day=day,
            time_zone=person.own.zone,
            latitude=person.own.place and person.own.place[0],
            longitude=person.own.place and person.own.place[1],
            created_at=person.own.added,
            attributes=person.attributes,
            attributes_folded={
                key: value.casefold() for key, value in person.attributes.items() if isinstance(value, str)
            },
        )
        doings.build(person.row, person.did, person.got, mailings)
        if person.topic:
            make_subscription(person.row, topic, person.topic, changed_at=person.own.subscribed)
        for sale in person.orders:
            items = [(products.get(line.code, line.code), line.quantity, line.unit_price) for line in sale.lines]
            make_order(person.row, *items, placed_at=sale.at, status=sale.status)
        for number, sale in enumerate(person.refunds):
            order = make_order(None, ("Z", 1, 1), status=sale.status) if sale.status else None
            refund = Refund.objects.create(
                number=f"R{person.row.pk}-{number}",
                order=order,
                subscriber=person.row,
                refunded_at=sale.at,
                total=sum(line.amount for line in sale.lines),
                updated_at=NOW,
            )
            RefundLine.objects.bulk_create(
                RefundLine(
                    refund=refund,
                    subscriber=person.row,
                    refunded_at=sale.at,
                    position=position,
                    product=products.get(line.code),
                    code=line.code,
                    quantity=line.quantity,
                    unit_price=line.unit_price,
                    amount=line.amount,
                )
                for position, line in enumerate(sale.lines)
            )


def holds(rule: dict[str, Any], person: Person) -> bool:
    """Whether a rule is true of a person, read naively at NOW."""
    if "all" in rule:
        return all(holds(child, person) for child in rule["all"])
    if "any" in rule:
        return any(holds(child, person) for child in rule["any"])
    if "none" in rule:
        return not any(holds(child, person) for child in rule["none"])
    if "topic" in rule:
        return person.topic != "subscribed" if rule["is"] == "not_subscribed" else person.topic == rule["is"]
    if "near" in rule or rule.get("attr") in ("age", "birthday", *calendars.FIELDS):
        return calendars.holds(rule, person, NOW)
    if "attr" in rule:
        return _attribute_holds(rule, person)
    ((_kind, body),) = rule.items()
    window = body.get("window", {})
    if window.keys() & {"since", "not_since"} and _anchor(window, person) is None:
        return False
    if "orders" in rule:
        return _orders_hold(body, person)
    return doings.holds(rule, person.did, person.got, CATEGORIES, lambda at, window: _in_window(at, window, person))


def _attribute_holds(rule: dict[str, Any], person: Person) -> bool:
    key, op = rule["attr"], rule["op"]
    actual: Any = person.attributes.get(key)
    wanted: Any = rule.get("value")
    if key in ("country", "city"):
        actual = getattr(person, key).casefold() or None
        wanted = [v.casefold() for v in wanted] if isinstance(wanted, list) else wanted and wanted.casefold()
    elif key == "nick":
        actual, wanted = actual and actual.casefold(), wanted and wanted.casefold()
    elif key == "spend" and actual is not None:
        actual = float(actual)
    if op in ("is_known", "not_known"):
        return bool((actual is not None) == (op == "is_known"))
    if actual is None:
        return False
    match op:
        case "is":
            return bool(actual == wanted)
        case "is_not":
            return bool(actual != wanted)
        case "in":
            return actual in wanted
        case "not_in":
            return actual not in wanted
        case "contains":
            return wanted in actual
        case "starts_with":
            return bool(actual.startswith(wanted))
        case "contains_any":
            return bool(set(wanted) & set(actual))
        case "contains_all":
            return set(wanted) <= set(actual)
    return _compares(actual, op, wanted)


def _compares(actual: Any, op: str, wanted: Any) -> bool:
    match op:
        case ">":
            return bool(actual > wanted)
        case "<":
            return bool(actual < wanted)
        case ">=":
            return bool(actual >= wanted)
        case "<=":
            return bool(actual <= wanted)
        case "=" | "is":
            return bool(actual == wanted)
        case "!=" | "is_not":
            return bool(actual != wanted)
    return bool(wanted[0] <= actual <= wanted[1])


def _in_window(at: dt.datetime, window: Mapping[str, Any], person: Person) -> bool:
    if at >= NOW:
        return False
    if "calendar" in window:
        return calendars.is_inside(at, window, person, NOW)
    if window.keys() & {"since", "not_since"}:
        anchor = _anchor(window, person)
        return anchor is not None and (at >= anchor if "since" in window else at < anchor)
    return doings.in_window(at, window)


def _anchor(window: Mapping[str, Any], person: Person) -> dt.datetime | None:
    """The instant from which a window is measured; None where the person has none."""
    return doings.last_mail(window.get("since") or window.get("not_since"), person.got) or calendars.anchor_of(
        window, person, NOW
    )


def _line_matches(line: Line, item: dict[str, Any]) -> bool:
    wanted = item["value"]
    if item["field"] == "category":
        category = CATEGORIES.get(line.code, "").casefold()
        if not category:
            return False
        wanted = [v.casefold() for v in wanted] if isinstance(wanted, list) else wanted.casefold()
        return category in wanted if item["op"] == "in" else _compares(category, item["op"], wanted)
    actual: Any = {"product": line.code, "price": line.unit_price / 10_000, "quantity": line.quantity}[item["field"]]
    return _compares(actual, item["op"], wanted)


def _matching(sales: list[Sale], body: dict[str, Any], person: Person) -> list[tuple[dt.datetime, int, list[str]]]:
    """When, for how much and of which products, of each sale with a matching line."""
    where = body.get("where", [])
    on_status = [item for item in where if item["field"] == "status"]
    on_lines = [item for item in where if item["field"] != "status"]
    found = []
    for sale in sales:
        if not _in_window(sale.at, body.get("window", {}), person):
            continue
        if on_status:
            if sale.status is None or not all(_compares(sale.status, i["op"], i["value"]) for i in on_status):
                continue
        elif sale.status == "cancelled":
            continue
        fitting = [line for line in sale.lines if all(_line_matches(line, item) for item in on_lines)]
        if fitting:
            found.append((sale.at, sum(line.amount for line in fitting), [line.code for line in fitting]))
    return found


def _orders_hold(body: dict[str, Any], person: Person) -> bool:
    found = _matching(person.orders, body, person)
    metric, op, wanted = body["metric"], body["op"], body["value"]
    amounts = [amount for _, amount, _codes in found]
    if metric == "distinct":
        return _compares(len({code for *_, codes in found for code in codes}), op, wanted)
    if metric == "count":
        return _compares(len(found), op, wanted)
    if metric in ("first", "last"):
        times = [at for at, *_ in found]
        stamps = [doings.moment(v) for v in (wanted if isinstance(wanted, list) else [wanted])]
        pick = min if metric == "first" else max
        return bool(times) and _compares(pick(times), op, stamps if op == "between" else stamps[0])
    if metric == "sum":
        back = 0 if body.get("gross") else sum(amount for _, amount, _codes in _matching(person.refunds, body, person))
        return _compares((sum(amounts) - back) / 10_000, op, wanted)
    aggregate: Any = {"avg": statistics.fmean, "min": min, "max": max}[metric]
    return bool(amounts) and _compares(aggregate(amounts) / 10_000, op, wanted)
