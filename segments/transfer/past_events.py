"""Rows of a file become events that are evidence: they are born processed and start nothing."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from personalize.core.addresses import BadAddress, address_key, normalise
from segments.commerce.money import units
from segments.events.services import record_events
from segments.events.types import NewEvent
from segments.subscribers.models import ExternalId, Subscriber
from segments.subscribers.profile import clean_text
from segments.transfer.models import Import
from segments.transfer.types import Group, Layout, Record, Steps, Tally
from segments.transfer.values import Bad, instant, number

MAX_PROPERTIES = 10_240
MAX_DEPTH = 5
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_MAX_KEY, _MAX_SUBJECT = 160, 120
_SLICE = 1000


def steps(job: Import, layout: Layout) -> Steps:
    """What people did is stored once. A person is known by the id in the import's source or, without one, by the address."""

    def prepare(groups: Sequence[Group], tally: Tally) -> list[Record]:
        return [record for group in groups for record in group]

    def store(records: list[Record], tally: Tally) -> None:
        people = _People(records, layout, job.source)
        events = []
        for record in records:
            event = _event(record, layout, people, job.source)
            if isinstance(event, Bad):
                tally.reject(record, event.reason)
            else:
                events.append(event)
        new = record_events(events=events)
        tally.counts.update(created=len(new), unchanged=len(events) - len(new))

    return Steps(prepare, store)


class _People:
    """Who the rows of a chunk are about."""

    def __init__(self, records: Sequence[Record], layout: Layout, source: str) -> None:
        ids = sorted({clean_text(layout.value(record, "external_id")) for record in records} - {""})
        self._keys = {text: _key(text) for text in {layout.value(record, "email").strip() for record in records}}
        keys = sorted(set(self._keys.values()) - {""})
        present = Subscriber.objects.present()
        self._by_id: dict[str, int] = {}
        self._by_key: dict[str, int] = {}
        for start in range(0, len(ids), _SLICE):
            links = ExternalId.objects.filter(source=source, value__in=ids[start : start + _SLICE])
            self._by_id.update(
                links.filter(Subscriber.objects.present_q("subscriber__")).values_list("value", "subscriber")
            )
        for start in range(0, len(keys), _SLICE):
            found = present.filter(address_key__in=keys[start : start + _SLICE])
            self._by_key.update(found.values_list("address_key", "pk"))

    def of(self, external_id: str, email: str) -> int | None:
        if external_id:
            return self._by_id.get(clean_text(external_id))
        return self._by_key.get(self._keys[email.strip()])


def _key(email: str) -> str:
    """The address key; empty for what is no address, by which nobody is known."""
    try:
        return address_key(normalise(email))
    except BadAddress:
        return ""


def _event(record: Record, layout: Layout, people: _People, source: str) -> NewEvent | Bad:
    if record.problem:
        return Bad(record.problem)
    said = {name: layout.value(record, name) for name in layout.places}
    name = said["name"].strip()
    if not _NAME.fullmatch(name):
        return Bad(_("name: “%s” is not a lower-case word such as product_viewed") % name[:40])
    person = people.of(said.get("external_id", "").strip(), said.get("email", ""))
    if person is None:
        return Bad(_("nobody is known by this id or address"))
    at = instant(said["occurred_at"])
    if isinstance(at, Bad):
        return Bad(f"occurred_at: {at.reason}")
    amount = _amount(said.get("amount", ""))
    if isinstance(amount, Bad):
        return Bad(f"amount: {amount.reason}")
    properties = _properties(said.get("properties", ""))
    if isinstance(properties, Bad):
        return Bad(f"properties: {properties.reason}")
    subject, key = clean_text(said.get("subject", "")), clean_text(said.get("idempotency_key", ""))
    if len(subject) > _MAX_SUBJECT:
        return Bad(_("subject: is longer than %d characters") % _MAX_SUBJECT)
    if len(key) > _MAX_KEY:
        return Bad(_("idempotency_key: is longer than %d characters") % _MAX_KEY)
    return NewEvent(
        subscriber_id=person,
        name=name,
        occurred_at=at,
        source=source,
        idempotency_key=key or _own_key(person, name, at.isoformat(), subject, said),
        subject=subject,
        properties=properties,
        amount=amount,
        historic=True,
    )


def _amount(text: str) -> int | Bad | None:
    if not text.strip():
        return None
    read = number(text)
    if isinstance(read, Bad):
        return read
    amount = units(read)
    return Bad(_("“%s” is not an amount of money") % text[:40]) if amount is None else amount


def _properties(text: str) -> Mapping[str, Any] | Bad:
    if not text.strip():
        return {}
    if len(text.encode(errors="replace")) > MAX_PROPERTIES:
        return Bad(_("are longer than 10 KB"))
    try:
        read = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return Bad(_("are not JSON"))
    if not isinstance(read, dict):
        return Bad(_("are not an object of names and values"))
    if _depth(read) > MAX_DEPTH:
        return Bad(_("are nested deeper than %d") % MAX_DEPTH)
    if "\\u0000" in text or "\\ud" in text.lower():
        return Bad(_("hold a mark that cannot be stored"))
    return read


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


def _own_key(person: int, name: str, at: str, subject: str, said: Mapping[str, str]) -> str:
    """A key by what the row says, so that the same row again is the same event."""
    words = [str(person), name, at, subject, said.get("amount", "").strip(), said.get("properties", "").strip()]
    return f"row:{hashlib.sha256(json.dumps(words).encode()).hexdigest()}"
