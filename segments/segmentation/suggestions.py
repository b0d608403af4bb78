"""What may be filled into a rule: the values that people, products and events really have, by the first letters typed.

Of large tables a sample is read, however many rows they have, so that an answer takes no longer in a large shop. Values
that would name single people, and those of sensitive attributes, are never suggested.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from babel import Locale
from django.db import connection
from django.db.models import Max, Min, Model
from django.utils.translation import get_language

from personalize.core import localtime
from personalize.core.database import fold
from personalize.core.registries import mail_groups
from segments.commerce.models import OrderStatus, Product
from segments.consent.models import Topic
from segments.events.models import Event
from segments.segmentation.models import Segment
from segments.segmentation.rules.events import PROPERTY
from segments.segmentation.rules.happenings import noun
from segments.subscribers.models import AttributeDefinition, StaticList, Subscriber

SAMPLE = 5_000
STRETCHES = 10
"""So many rows of a table are read, in so many places."""
EVENTS = 2_000
"""So many events of one name are read."""
NAMES = 200
"""So many different names of events are told."""
_TITLED = 200


@dataclass(frozen=True)
class Suggestion:
    """A value for a rule, as a marketer calls it, with what else helps to choose: a code, how often it was found."""

    value: str
    label: str
    hint: str = ""


def suggest(kind: str, field: str, prefix: str, limit: int = 8, of: str = "") -> list[Suggestion]:
    """At most ``limit`` values of a field of which a word begins with ``prefix``, in any case, the commonest first.

    ``kind`` is that of the rule. ``field`` is one of its fields: of ``attr`` the attribute, of ``event`` ``name``,
    ``property`` or what a filter names, where ``of`` is the event's name. Of ``topic``, ``list`` and ``segment`` it does
    not matter. Nothing is suggested for what is not known.
    """
    ways: Mapping[str, Callable[[], Iterable[Suggestion]]] = {
        "attr": lambda: _of_people(field),
        "event": lambda: _of_events(field, of),
        "sequence": lambda: _of_events(field, of),
        "orders": lambda: _of_orders(field, prefix.strip()),
        "messages": lambda: _of_messages(field),
        "topic": _topics,
        "list": lambda: _named(StaticList.objects.order_by("name").values_list("uuid", "name")),
        "segment": lambda: _named(Segment.objects.order_by("name").values_list("uuid", "name")),
    }
    wanted = fold(prefix.strip())
    found = (one for one in (ways[kind]() if kind in ways else ()) if _begins(one, wanted))
    return list(islice(found, limit))


def event_names() -> list[tuple[str, str]]:
    """The events that were ever seen, with what they are called."""
    # From each name the index leads straight to the next one.
    table = connection.ops.quote_name(Event._meta.db_table)
    sql = f"""
        WITH RECURSIVE seen (name) AS (
            SELECT min(name) FROM {table}
            UNION ALL SELECT (SELECT min(name) FROM {table} WHERE name > seen.name) FROM seen WHERE seen.name IS NOT NULL
        ) SELECT name FROM seen WHERE name IS NOT NULL LIMIT {NAMES}
    """
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [(name, noun(name)) for (name,) in cursor.fetchall()]


def properties_of(name: str) -> list[str]:
    """The properties of events of this name that a rule can ask about, the commonest first, as ``data.<name>``."""
    counted = Counter(f"data.{key}" for properties in _some_events(name, "properties") for key in properties)
    return [field for field in _ranked(counted) if PROPERTY.fullmatch(field)]


def values_of(name: str, field: str, limit: int = 8) -> list[str]:
    """The commonest values of ``subject`` or of ``data.<name>`` in events of this name, written as in JSON."""
    return _ranked(_values_of(name, field))[:limit]


def _values_of(name: str, field: str) -> Counter[str]:
    if field == "subject":
        return Counter(filter(None, _some_events(name, "subject")))
    key = field.partition(".")[2]
    values = (properties.get(key) for properties in _some_events(name, "properties"))
    return Counter(_plain(value) for value in values if isinstance(value, str | int | float) and value != "")


def _of_people(field: str) -> Iterable[Suggestion]:
    match field:
        case "country":
            return _codes(_common(Subscriber, "country"), _locale().territories, 2)
        case "language":
            return _codes(_common(Subscriber, "language"), _locale().languages, 3)
        case "time_zone":
            common = _common(Subscriber, "time_zone")
            zones = {one.key: one.key.replace("_", " ") for one in localtime.every_zone()}
            return (Suggestion(key, zones.get(key, key)) for key in dict.fromkeys([*_ranked(common), *zones]))
        case "city" | "region" | "postal_code":
            return _counted(_common(Subscriber, field))
        case "birthday_month":
            months = _locale().months["stand-alone"]["wide"]
            return (Suggestion(str(number), months[number]) for number in range(1, 13))
    return _of_attribute(AttributeDefinition.objects.filter(key=field, sensitive=False).first())


def _of_attribute(definition: AttributeDefinition | None) -> Iterable[Suggestion]:
    if definition is None:
        return ()
    if definition.choices:
        return (Suggestion(choice, choice) for choice in definition.choices)
    if definition.type in ("text", "enum"):
        values = (row.get(definition.key) for row in _sample(Subscriber, "attributes"))
        return _counted(Counter(value for value in values if isinstance(value, str) and value))
    if definition.type == "multi":
        lists = (row.get(definition.key) for row in _sample(Subscriber, "attributes"))
        return _counted(Counter(item for items in lists if isinstance(items, list) for item in items))
    return ()


def _of_events(field: str, name: str) -> Iterable[Suggestion]:
    match field:
        case "name":
            return (Suggestion(name, words, name) for name, words in event_names())
        case "property":
            return (Suggestion(one, one.partition(".")[2]) for one in properties_of(name))
        case "category" | "brand":
            return _counted(_common(Product, field))
        case "subject":
            counted = _values_of(name, field)
            codes = _ranked(counted)[:_TITLED]
            titles = dict(Product.objects.filter(code__in=codes).order_by().values_list("code", "title"))
            return (Suggestion(code, titles.get(code, code), code if code in titles else "") for code in codes)
    return _counted(_values_of(name, field)) if field.startswith("data.") else ()


def _of_orders(field: str, code: str) -> Iterable[Suggestion]:
    match field:
        case "product":
            exact = Product.objects.filter(code=code).values_list("code", "title")
            rows = dict([*exact, *_sample(Product, "code", "title")])
            return (Suggestion(code, title, code) for code, title in rows.items())
        case "category" | "brand":
            return _counted(_common(Product, field))
        case "status":
            return (Suggestion(value, str(label)) for value, label in OrderStatus.choices)
    return ()


def _of_messages(field: str) -> Iterable[Suggestion]:
    if field == "topic":
        return _topics()
    source = mail_groups.get(f"{field}s")
    return _named(source.named()) if source else ()


def _topics() -> Iterable[Suggestion]:
    return _named(Topic.objects.order_by("name").values_list("key", "name"))


def _named(rows: Iterable[tuple[Any, str]]) -> Iterable[Suggestion]:
    return (Suggestion(str(value), name) for value, name in rows)


def _codes(common: Counter[str], names: Mapping[str, str], length: int) -> Iterable[Suggestion]:
    """Codes that people have, the commonest first, then all others by name."""
    others = sorted((name, code) for code, name in names.items() if len(code) <= length and code.isalpha())
    codes = [*_ranked(common), *(code for _name, code in others)]
    return (Suggestion(code, str(names.get(code, code)), code) for code in dict.fromkeys(codes))


def _counted(values: Counter[str]) -> Iterable[Suggestion]:
    """Values with how much of what was read they are; spellings that differ only in case are one."""
    spellings: dict[str, str] = {}
    times: Counter[str] = Counter()
    for value in _ranked(values):
        spellings.setdefault(fold(value), value)
        times[fold(value)] += values[value]
    total = times.total()
    return (
        Suggestion(spellings[key], spellings[key], f"{max(1, round(100 * times[key] / total))} %")
        for key in _ranked(times)
    )


def _ranked(values: Counter[str]) -> list[str]:
    """The commonest first, those as common as each other by name."""
    return sorted(values, key=lambda value: (-values[value], value))


def _begins(one: Suggestion, wanted: str) -> bool:
    label = fold(one.label).replace("/", " ")
    return f" {wanted}" in f" {label}" or fold(one.value).startswith(wanted)


def _common(model: type[Model], column: str) -> Counter[str]:
    """The values of a column among a sample of the rows."""
    return Counter(filter(None, _sample(model, column)))


def _sample(model: type[Model], *columns: str) -> list[Any]:
    """Columns of up to SAMPLE rows: stretches of rows that lie together, spread evenly over the table."""
    rows = model._default_manager.order_by("pk")
    ends = rows.aggregate(first=Min("pk"), last=Max("pk"))
    if ends["first"] is None:
        return []
    step = max(SAMPLE, ends["last"] - ends["first"] + 1) // STRETCHES + 1
    found: list[Any] = []
    for start in range(ends["first"], ends["last"] + 1, step):
        stretch = rows.filter(pk__gte=start, pk__lt=start + step)
        found += stretch.values_list(*columns, flat=len(columns) == 1)[: SAMPLE // STRETCHES + 1]
    return found


def _some_events(name: str, column: str) -> list[Any]:
    """A column of up to EVENTS events of a name: those of the people who came last, as the index has them."""
    rows = Event.objects.filter(name=name).order_by("-subscriber_id", "-occurred_at")
    return list(rows.values_list(column, flat=True)[:EVENTS])


def _plain(value: str | int | float) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _locale() -> Locale:
    return Locale.parse((get_language() or "en").split("-")[0])
