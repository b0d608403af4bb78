"""People on their way out: any selection of them as CSV or NDJSON, a slice at a time, so that memory stays flat.

Columns are named as imports name their fields, so that what went out comes in again without mapping anything.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from itertools import islice
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from personalize.core import audit
from personalize.core.registries import ListColumn, list_columns
from personalize.dashboard.lists import formula_safe
from segments.consent.models import Subscription, Topic
from segments.subscribers.models import AttributeDefinition, AttributeType, ExternalId, Subscriber
from segments.subscribers.policies import ATTRIBUTE

SLICE = 1000
TOPIC = "topics."
EXTERNAL = "external_ids."


class Format(StrEnum):
    """What a file of people may be."""

    CSV = "csv"
    NDJSON = "ndjson"


class UnknownColumn(ValueError):
    """No column has this name; the message says which ones there are."""


class Slice:
    """A thousand people with what other tables say of them: each table is asked once, and only when a column wants it."""

    def __init__(self, people: Sequence[Subscriber]) -> None:
        self.people = people
        self._brought: dict[str, Mapping[Any, Any]] = {}

    @cached_property
    def topics(self) -> dict[tuple[int, int], str]:
        """What each person said to each topic, by both primary keys."""
        rows = Subscription.objects.filter(subscriber__in=self.people).values_list("subscriber", "topic", "state")
        return {(person, topic): state for person, topic, state in rows}

    @cached_property
    def external_ids(self) -> dict[tuple[int, str], str]:
        """Ids in other systems by person and system."""
        rows = ExternalId.objects.filter(subscriber__in=self.people).values_list("subscriber", "source", "value")
        return {(person, source): value for person, source, value in rows}

    def brought(self, column: ListColumn) -> Mapping[Any, Any]:
        """What another app's column says of these people."""
        if column.key not in self._brought:
            self._brought[column.key] = column.values(self.people)
        return self._brought[column.key]


@dataclass(frozen=True)
class ExportColumn:
    """One column: ``read(slice, person)`` gives its plain value; ``key`` is its name in the file."""

    key: str
    label: Any
    group: Any
    read: Callable[[Slice, Subscriber], Any]


def available() -> list[ExportColumn]:
    """Every column there is now: what is built in, attributes, topics, ids in other systems, and what other apps bring."""
    person, others = gettext_lazy("The person"), gettext_lazy("Ids in other systems")
    figures = gettext_lazy("Figures")
    sources = ExternalId.objects.order_by("source").values_list("source", flat=True).distinct()
    return [
        *(ExportColumn(key, label, person, read) for key, label, read in _BUILT_IN),
        *(
            ExportColumn(f"{ATTRIBUTE}{one.key}", one.label, gettext_lazy("Attributes"), _attribute(one))
            for one in AttributeDefinition.objects.all()
        ),
        *(
            ExportColumn(f"{TOPIC}{one.key}", one.name, gettext_lazy("Topics"), _topic(one))
            for one in Topic.objects.all()
        ),
        *(ExportColumn(f"{EXTERNAL}{source}", source, others, _external(source)) for source in sources),
        *(
            ExportColumn(one.key, one.label, figures, _brought(one))
            for one in list_columns
            if one.page == "subscribers"
        ),
    ]


def chosen(keys: Sequence[str]) -> list[ExportColumn]:
    """The columns of these names, in this order, none of them twice. Raises UnknownColumn."""
    known = {column.key: column for column in available()}
    for key in keys:
        if key not in known:
            raise UnknownColumn(
                _("There is no column “%(key)s”; there are %(known)s.") % {"key": key, "known": ", ".join(known)}
            )
    return [known[key] for key in dict.fromkeys(keys)]


def export_people(
    *,
    people: QuerySet[Subscriber],
    columns: Sequence[ExportColumn],
    format: Format,
    actor: Any,
    of: str,
    progress: Callable[[int], None] = lambda done: None,
) -> Iterator[str]:
    """Note in the audit trail who takes how many people out and which columns, and hand out the file.

    ``of`` says in words whose rows they are, such as ``segment Loyal, UK``. ``progress`` is told how many are out.
    """
    people = _present(people)
    audit.record(
        actor=actor,
        action="people.export",
        of=of,
        people=people.count(),
        columns=[column.key for column in columns],
        format=format.value,
    )
    return stream(people, columns, format, progress)


def stream(
    people: QuerySet[Subscriber],
    columns: Sequence[ExportColumn],
    format: Format,
    progress: Callable[[int], None] = lambda done: None,
) -> Iterator[str]:
    """The file in pieces of a thousand people; erased ones are never among them.

    The people are read once, through a cursor of the database; further queries are constant for each piece.
    """
    write = _csv if format is Format.CSV else _ndjson
    if format is Format.CSV:
        yield csv_lines([[column.key for column in columns]])
    people = _present(people).defer("attributes_folded")
    rows = (people if people.ordered else people.order_by("pk")).iterator(chunk_size=SLICE)
    done = 0
    while found := list(islice(rows, SLICE)):
        yield write(Slice(found), columns)
        progress(done := done + len(found))


def _present(people: QuerySet[Subscriber]) -> QuerySet[Subscriber]:
    return people.filter(Subscriber.objects.present_q())


def _csv(part: Slice, columns: Sequence[ExportColumn]) -> str:
    return csv_lines([[column.read(part, person) for column in columns] for person in part.people])


def csv_lines(rows: Sequence[Sequence[Any]]) -> str:
    """Rows of values as lines of CSV that no spreadsheet runs."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    """A value as a cell that imports read again and no spreadsheet runs."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        value = ";".join(map(str, value))
    if isinstance(value, dt.date):
        return value.isoformat()
    return formula_safe(value)


def _ndjson(part: Slice, columns: Sequence[ExportColumn]) -> str:
    return "".join(
        json.dumps(
            _nested({column.key: column.read(part, person) for column in columns}), ensure_ascii=False, default=_plain
        )
        + "\n"
        for person in part.people
    )


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """``{"attributes.stage": x}`` becomes ``{"attributes": {"stage": x}}``."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        group, dot, name = key.partition(".")
        if dot:
            found.setdefault(group, {})[name] = value
        else:
            found[key] = value
    return found


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def _attribute(definition: AttributeDefinition) -> Callable[[Slice, Subscriber], Any]:
    def read(_part: Slice, person: Subscriber) -> Any:
        value = person.attributes.get(definition.key)
        # Stored as digits; as a number no apostrophe is put before its minus.
        return Decimal(value) if value is not None and definition.type == AttributeType.DECIMAL else value

    return read


def _topic(topic: Topic) -> Callable[[Slice, Subscriber], Any]:
    return lambda part, person: part.topics.get((person.pk, topic.pk))


def _external(source: str) -> Callable[[Slice, Subscriber], Any]:
    return lambda part, person: part.external_ids.get((person.pk, source))


def _brought(column: ListColumn) -> Callable[[Slice, Subscriber], Any]:
    return lambda part, person: part.brought(column).get(person.pk)


def _field(name: str) -> Callable[[Slice, Subscriber], Any]:
    return lambda _part, person: getattr(person, name)


def _birth_date(_part: Slice, person: Subscriber) -> str | None:
    if person.birth_day is None:
        return None
    # Without a year imports also take --02-29; a cell may not begin with a minus.
    year = f"{person.birth_year:04}-" if person.birth_year else ""
    return f"{year}{person.birth_month:02}-{person.birth_day:02}"


_BUILT_IN: list[tuple[str, Any, Callable[[Slice, Subscriber], Any]]] = [
    ("email", gettext_lazy("Mail address"), _field("email")),
    ("first_name", gettext_lazy("First name"), _field("first_name")),
    ("last_name", gettext_lazy("Last name"), _field("last_name")),
    ("preferred_name", gettext_lazy("Preferred name"), _field("preferred_name")),
    ("title", gettext_lazy("Title"), _field("title")),
    ("language", gettext_lazy("Language"), _field("language")),
    ("time_zone", gettext_lazy("Time zone"), _field("time_zone")),
    ("country", gettext_lazy("Country"), _field("country")),
    ("region", gettext_lazy("Region"), _field("region")),
    ("city", gettext_lazy("City"), _field("city")),
    ("postal_code", gettext_lazy("Postal code"), _field("postal_code")),
    ("latitude", gettext_lazy("Latitude"), _field("latitude")),
    ("longitude", gettext_lazy("Longitude"), _field("longitude")),
    ("birth_date", gettext_lazy("Birthday"), _birth_date),
    ("tracking", gettext_lazy("Agreed to tracking"), _field("tracking")),
    ("rhythm", gettext_lazy("How often at most"), _field("rhythm")),
    ("known_since", gettext_lazy("Known since"), _field("created_at")),
    ("id", gettext_lazy("Identifier"), _field("uuid")),
]
