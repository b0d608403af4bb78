"""The rights of a person to their data: handing it out, and erasing it. Both walk what the apps have declared."""

from __future__ import annotations

import datetime as dt
import io
import itertools
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

from django.core.cache import cache
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from personalize.accounts.brand import shop_currency
from personalize.core import audit, clock, hooks, registries
from personalize.core.addresses import address_key
from personalize.dashboard.figures import money
from segments.subscribers import history
from segments.subscribers.models import Subscriber

READABLE_ROWS = 1_000
"""How many rows of a kind the readable page shows; the file for machines has all."""

LATE = dt.timedelta(days=7)
"""How long after an erasure it is done again, for what was under way: a mail in the air, the answer of a server."""

_KEPT = {"id", "uuid", "address_key", "created_at", "updated_at", "erased_at", "lock_version"}
_HIDDEN = {"id", "address_key", "lock_version", "erased_at"}
_MONEY = {"amount", "total", "unit_price"}


@dataclass(frozen=True)
class Fate:
    """What there is of one kind about a person, and what an erasure makes of it."""

    model: str
    label: Any
    count: int
    fate: Any
    handed_out: bool = True


def foresee(person: Subscriber) -> list[Fate]:
    """Every kind of row the installation may have about a person, also those of which there is none."""
    own = Fate("subscribers.Subscriber", _("Profile"), 1, _("emptied; the keyed hash of the address stays"))
    return [
        own,
        *(
            Fate(entry.model, entry.label, entry.count(person), entry.fate, handed_out=entry.export is not None)
            for entry in registries.personal_data
        ),
    ]


def erase_subscriber(*, subscriber: Subscriber, actor: Any) -> dict[str, int] | None:
    """Erase a person in one transaction; returns how many rows of each kind it touched, None when it was done before.

    What remains is an empty row with the keyed hash of the address, so that no import and no interface brings the person
    back, and what the sums need.
    """
    with transaction.atomic():
        person = Subscriber.objects.select_for_update().get(pk=subscriber.pk)
        if person.erased_at is not None:
            return None
        at = clock.now()
        former = [address_key(address) for address in person.addresses()[1:]]
        touched = {entry.model: entry.erase(person) for entry in registries.personal_data}
        for field in Subscriber._meta.concrete_fields:
            if field.name not in _KEPT:
                setattr(person, field.attname, field.get_default())
        person.email, person.erased_at, person.updated_at = None, at, at
        person.lock_version += 1
        person.save()
        # The addresses of rows that were merged into this one are as much the person's: nobody comes back by those.
        Subscriber.objects.bulk_create(
            [Subscriber(address_key=key, erased_at=at, created_at=at, updated_at=at) for key in former],
            ignore_conflicts=True,
        )
        audit.record(actor=actor, action="subscriber.erased", target=person, rows=touched)
        hooks.subscriber_changed(subscriber_ids=[person.pk])
    return touched


def erase_what_came_late(*, at: dt.datetime) -> int:
    """Erase again for those who were erased lately: what was under way then has arrived since. Returns how many rows."""
    touched = 0
    for person in Subscriber.objects.filter(erased_at__gte=at - LATE):
        with transaction.atomic():
            touched += sum(entry.erase(person) for entry in registries.personal_data)
    return touched


def look() -> bool:
    """Once an hour, erase what came late. It is no work worth another look."""
    if cache.add("subscribers.erased", True, timeout=3600):
        erase_what_came_late(at=clock.now())
    return False


def export_subscriber(*, subscriber: Subscriber, actor: Any, into: IO[bytes]) -> None:
    """Write everything known of a person as a ZIP with ``data.json`` and, for reading, ``data.html``; it is audited."""
    at = clock.now()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as folder:
        with folder.open("data.json", "w") as stream, io.TextIOWrapper(stream, encoding="utf-8") as text:
            _write_json(subscriber, at, text)
        folder.writestr("data.html", _readable(subscriber, at))
    audit.record(actor=actor, action="subscriber.exported", target=subscriber)


def _write_json(person: Subscriber, at: dt.datetime, text: IO[str]) -> None:
    """One object, written row by row: a busy person's is too large to be held as a whole."""

    def dump(value: Any) -> str:
        return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)

    def array(rows: Iterable[Any]) -> None:
        text.write("[")
        for number, row in enumerate(rows):
            text.write(f"{',' if number else ''}\n    {dump(row)}")
        text.write("]")

    unit = {"currency": shop_currency(), "unit": "ten-thousandths"}
    text.write(
        f'{{"version": 1, "made_at": {dump(at)}, "money": {dump(unit)},\n "person": {dump(_profile(person))},\n "data": {{'
    )
    for number, (model, label, rows) in enumerate(_sections(person)):
        text.write(f'{"," if number else ""}\n  {dump(model)}: {{"label": {dump(label)}, "rows": ')
        array(rows)
        text.write("}")
    text.write('},\n "timeline": ')
    array(history.plain(entry) for entry in history.walk(person))
    text.write("}\n")


def _readable(person: Subscriber, at: dt.datetime) -> str:
    sections = []
    for _model, label, rows in _sections(person):
        shown = list(itertools.islice(rows, READABLE_ROWS + 1))
        if shown:
            sections.append({"label": label, **_table(shown[:READABLE_ROWS]), "more": len(shown) > READABLE_ROWS})
    told = list(itertools.islice(history.walk(person), READABLE_ROWS + 1))
    context = {
        "person": person,
        "at": at,
        "profile": [(_head(name), _words(value)) for name, value in _profile(person).items() if value],
        "sections": sections,
        "timeline": told[:READABLE_ROWS],
        "more": len(told) > READABLE_ROWS,
        "limit": READABLE_ROWS,
    }
    return render_to_string("subscribers/export_data.html", context)


def _profile(person: Subscriber) -> dict[str, Any]:
    return {
        field.name: getattr(person, field.attname)
        for field in Subscriber._meta.concrete_fields
        if field.name not in _HIDDEN and not field.name.endswith("_folded")
    }


def _sections(person: Subscriber) -> Iterator[tuple[str, Any, Iterable[Mapping[str, Any]]]]:
    for entry in registries.personal_data:
        if entry.export is not None:
            yield entry.model, entry.label, entry.export(person)


def _table(rows: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Heads and cells of rows, without the columns that are empty in all of them."""
    names = [name for name in rows[0] if any(row[name] not in (None, "", [], {}) for row in rows)]
    currency = shop_currency()

    def cell(name: str, value: Any) -> str:
        return money(value, currency) if name in _MONEY and value is not None else _words(value)

    return {"heads": list(map(_head, names)), "rows": [[cell(name, row[name]) for name in names] for row in rows]}


def _head(name: str) -> str:
    return name.partition("__")[0].replace("_", " ").capitalize()


def _words(value: Any) -> str:
    """A value as somebody reads it who has never seen a program."""
    match value:
        case None:
            return ""
        case bool():
            return _("yes") if value else _("no")
        case dt.datetime():
            return f"{value:%Y-%m-%d %H:%M} UTC"
        case dict():
            return "; ".join(f"{name}: {_words(one)}" for name, one in value.items())
        case list() | tuple():
            return ", ".join(map(_words, value))
    return str(value)
