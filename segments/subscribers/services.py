"""Storing people: many at once from files and interfaces, one at a time from a form; defining attributes."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from personalize.core import audit, clock, hooks, registries
from personalize.core.addresses import BadAddress, address_key, normalise
from segments.subscribers import attributes as typing
from segments.subscribers import profile
from segments.subscribers.holdings import holders
from segments.subscribers.models import AttributeDefinition, AttributeType, ExternalId, QuarantinedValue, Subscriber
from segments.subscribers.types import Refusal, RefusedRow, Stale, SubscriberRow, UpsertResult

SLICE = 1000
_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_TAKEN_KEYS = {field.name for field in Subscriber._meta.get_fields()} | {field.name for field in fields(SubscriberRow)}


@dataclass
class _Wanted:
    """A row after its values were checked."""

    index: int
    email: str
    key: str
    columns: dict[str, Any]
    attributes: dict[str, Any]
    external_id: str


def upsert_subscribers(*, rows: Sequence[SubscriberRow], source: str, at: dt.datetime | None = None) -> UpsertResult:
    """Create and change people so that they are as the rows say; what already is so is not written.

    Bad rows are refused one by one and the others stored. ``source`` names the system that the external ids belong to;
    ``at`` stamps the rows and defaults to now.
    """
    with transaction.atomic():
        upsert = _Upsert(source=source, at=at or clock.now())
        wanted = upsert.checked(rows)
        last = {row.key: row for row in wanted}
        people = list(last.values())
        for start in range(0, len(people), SLICE):
            upsert.store(people[start : start + SLICE])
        if written := upsert.created | upsert.updated:
            hooks.subscriber_changed(subscriber_ids=sorted(written))
    found = [upsert.ids.get(last[row.key].index) for row in wanted]
    places = dict(zip((row.index for row in wanted), found, strict=True))
    return UpsertResult(
        created=len(upsert.created),
        updated=len(upsert.updated),
        unchanged=len(upsert.ids) - len(upsert.created) - len(upsert.updated),
        erased=upsert.erased,
        superseded=len(wanted) - len(last),
        refused=sorted(upsert.refused, key=lambda row: row.index),
        ids=[places.get(index) for index in range(len(rows))],
    )


class _Upsert:
    """One call of ``upsert_subscribers``: what it knows and what it did. ``ids`` is the person's id by row index."""

    def __init__(self, *, source: str, at: dt.datetime) -> None:
        self.source = source
        self.at = at
        self.ids: dict[int, int] = {}
        self.created: set[int] = set()
        self.updated: set[int] = set()
        self.erased = 0
        self.refused: list[RefusedRow] = []

    def refuse(self, row: _Wanted | int, refusal: Refusal) -> None:
        self.refused.append(RefusedRow(row if isinstance(row, int) else row.index, refusal))

    def checked(self, rows: Sequence[SubscriberRow]) -> list[_Wanted]:
        """The good rows in stored form; the others are refused."""
        definitions = {definition.key: definition for definition in AttributeDefinition.objects.all()}
        good = []
        for index, row in enumerate(rows):
            wanted = _check(index, row, definitions)
            if isinstance(wanted, Refusal):
                self.refuse(index, wanted)
            else:
                good.append(wanted)
        return good

    def store(self, rows: Sequence[_Wanted]) -> None:
        """Store rows about different people with a fixed number of statements."""
        rows = self._without_foreign_ids(rows)
        stored = _people(row.key for row in rows)
        new = [(row, Subscriber(email=row.email, address_key=row.key)) for row in rows if row.key not in stored]
        raced = self._create(new)
        self._change([(row, stored[row.key]) for row in rows if row.key in stored] + raced)
        self._link(rows)

    def _without_foreign_ids(self, rows: Sequence[_Wanted]) -> list[_Wanted]:
        """The rows whose external id is free or theirs already."""
        given = [row.external_id for row in rows if row.external_id]
        owners = dict(
            ExternalId.objects.filter(source=self.source, value__in=given).values_list(
                "value", "subscriber__address_key"
            )
        )
        good = []
        for row in rows:
            if row.external_id and owners.setdefault(row.external_id, row.key) != row.key:
                self.refuse(row, Refusal("external_id", _("belongs to another person: %s") % row.external_id))
            else:
                good.append(row)
        return good

    def _create(self, new: Sequence[tuple[_Wanted, Subscriber]]) -> list[tuple[_Wanted, Subscriber]]:
        """Insert new people; returns those whom somebody else created between our look and our write."""
        good = []
        for row, person in new:
            changed = _apply(person, row.columns, row.attributes)
            if isinstance(changed, Refusal):
                self.refuse(row, changed)
            else:
                person.created_at = person.updated_at = self.at
                good.append((row, person))
        Subscriber.objects.bulk_create([person for _row, person in good], ignore_conflicts=True)
        stored = _people(row.key for row, _person in good)
        raced = []
        for row, person in good:
            found = stored[row.key]
            if found.uuid == person.uuid:
                self.ids[row.index] = found.pk
                self.created.add(found.pk)
            else:
                raced.append((row, found))
        return raced

    def _change(self, known: Sequence[tuple[_Wanted, Subscriber]]) -> None:
        """Bring stored people up to date; those who already are, and those who were erased, are left alone."""
        touched: set[str] = set()
        differing = []
        for row, person in known:
            if person.erased_at is not None:
                self.erased += 1
                continue
            changed = _apply(person, row.columns, row.attributes)
            if isinstance(changed, Refusal):
                self.refuse(row, changed)
                continue
            self.ids[row.index] = person.pk
            if changed:
                person.updated_at = self.at
                person.lock_version += 1
                touched |= changed
                differing.append(person)
        if differing:
            Subscriber.objects.bulk_update(differing, sorted(touched | {"updated_at", "lock_version"}))
            self.updated.update(person.pk for person in differing)

    def _link(self, rows: Sequence[_Wanted]) -> None:
        """Store the external ids; a person has one in each system."""
        wanted = {self.ids[row.index]: row.external_id for row in rows if row.external_id and row.index in self.ids}
        stored = {
            link.subscriber_id: link for link in ExternalId.objects.filter(source=self.source, subscriber__in=wanted)
        }
        changed = []
        for person, value in wanted.items():
            link = stored.get(person)
            if link is not None and link.value != value:
                link.value = value
                changed.append(link)
        missing = [
            ExternalId(subscriber_id=person, source=self.source, value=value)
            for person, value in wanted.items()
            if person not in stored
        ]
        ExternalId.objects.bulk_update(changed, ["value"])
        ExternalId.objects.bulk_create(missing)
        self.updated.update({link.subscriber_id for link in (*changed, *missing)} - self.created)


def _check(index: int, row: SubscriberRow, definitions: Mapping[str, AttributeDefinition]) -> _Wanted | Refusal:
    try:
        email = normalise(row.email)
    except BadAddress as error:
        return Refusal("email", str(error))
    columns = profile.columns({name: getattr(row, name) for name in profile.GIVEN})
    if isinstance(columns, Refusal):
        return columns
    values = typing.changes(row.attributes, definitions)
    if isinstance(values, Refusal):
        return values
    external_id = profile.clean_text(row.external_id)
    if len(external_id) > 120:
        return Refusal("external_id", _("is longer than %d characters") % 120)
    return _Wanted(index, email, address_key(email), columns, values, external_id)


def _people(keys: Iterable[str]) -> dict[str, Subscriber]:
    """The stored people behind address keys, locked where the database can."""
    found = Subscriber.objects.select_for_update().filter(address_key__in=list(keys)).order_by("pk")
    return {person.address_key: person for person in found}


def _apply(person: Subscriber, columns: Mapping[str, Any], attributes: Mapping[str, Any]) -> set[str] | Refusal:
    """Set checked values on a person in memory; returns the names of the columns that differ now."""
    new = dict(columns)
    values = typing.merged(person.attributes, attributes)
    if isinstance(values, Refusal):
        return values
    if attributes:
        new |= {"attributes": values, "attributes_folded": typing.folded(values)}
    assumed = profile.zone_of_country(person.country)
    if new.get("country") and not new.get("time_zone") and person.time_zone in ("", assumed):
        new["time_zone"] = profile.zone_of_country(new["country"])
    changed = {name for name, value in new.items() if getattr(person, name) != value}
    for name in changed:
        setattr(person, name, new[name])
    return changed


def change_subscriber(
    *, subscriber: Subscriber, changes: Mapping[str, Any], lock_version: int, actor: Any
) -> Subscriber | Refusal | Stale:
    """Change one person by hand. ``changes`` has the names and meanings of SubscriberRow's fields.

    ``lock_version`` is the one the editor saw; Stale when somebody else has saved since.
    """
    with transaction.atomic():
        person = Subscriber.objects.select_for_update().get(pk=subscriber.pk)
        if person.erased_at is not None:
            return Refusal("email", _("belonged to a person who was erased"))
        if person.lock_version != lock_version:
            return Stale(person.lock_version)
        definitions = {definition.key: definition for definition in AttributeDefinition.objects.all()}
        row = SubscriberRow(**{"email": person.email, **changes})
        wanted = _check(0, row, definitions)
        if isinstance(wanted, Refusal):
            return wanted
        if Subscriber.objects.filter(address_key=wanted.key).exclude(pk=person.pk).exists():
            return Refusal("email", _("belongs to another person"))
        changed = _apply(
            person, {**wanted.columns, "email": wanted.email, "address_key": wanted.key}, wanted.attributes
        )
        if isinstance(changed, Refusal):
            return changed
        # What somebody has written by hand is the latest word on these attributes.
        QuarantinedValue.objects.filter(subscriber=person, key__in=wanted.attributes).delete()
        if changed:
            person.updated_at = clock.now()
            person.lock_version += 1
            person.save(update_fields=[*changed, "updated_at", "lock_version"])
            audit.record(actor=actor, action="subscriber.changed", target=person, fields=sorted(changed))
            hooks.subscriber_changed(subscriber_ids=[person.pk])
    return person


def create_subscriber(*, row: SubscriberRow, actor: Any) -> Subscriber | Refusal:
    """Add one person by hand; refused when somebody has the address, or had it and was erased."""
    try:
        key = address_key(normalise(row.email))
    except BadAddress as error:
        return Refusal("email", str(error))
    with transaction.atomic():
        known = Subscriber.objects.filter(address_key=key).first()
        if known is not None:
            if known.erased_at is None:
                return Refusal("email", _("belongs to another person"))
            return Refusal("email", _("belonged to a person who was erased; they come back only by their own sign-up"))
        stored = upsert_subscribers(rows=[row], source="dashboard")
        if stored.refused:
            return stored.refused[0].refusal
        if not stored.created:
            return Refusal("email", _("belongs to another person"))
        person = Subscriber.objects.get(address_key=key)
        audit.record(actor=actor, action="subscriber.created", target=person)
    return person


def define_attribute(
    *,
    key: str,
    label: str,
    type: str,
    actor: Any,
    unit: str = "",
    choices: Sequence[str] = (),
    sensitive: bool = False,
    self_service: bool = False,
    fallback: Mapping[str, str] | None = None,
) -> AttributeDefinition | Refusal:
    """Define an attribute, or change the definition of that key.

    Refused: a type that people's values or a rule depend on, the loss of a choice that people have, and one attribute too
    many.
    """
    problem = definition_problem(key=key, type=type, choices=choices)
    if problem is not None:
        return problem
    with transaction.atomic():
        stored = AttributeDefinition.objects.select_for_update().filter(key=key).first()
        problem = _change_problem(stored, type, choices) if stored else _room_problem()
        if problem is not None:
            return problem
        definition = stored or AttributeDefinition(key=key)
        definition.label, definition.type, definition.unit = label, type, unit
        definition.choices, definition.sensitive, definition.fallback = list(choices), sensitive, dict(fallback or {})
        definition.self_service = self_service
        definition.save()
        audit.record(actor=actor, action="attribute.defined", target=definition, type=type)
    return definition


def _room_problem() -> Refusal | None:
    if AttributeDefinition.objects.count() < typing.MAX_ATTRIBUTES:
        return None
    return Refusal("key", _("would be one too many: there can be %d attributes") % typing.MAX_ATTRIBUTES)


def _change_problem(stored: AttributeDefinition, type: str, choices: Sequence[str]) -> Refusal | None:
    if stored.type != type:
        if Subscriber.objects.filter(attributes__has_key=stored.key).exists():
            return Refusal("type", _("cannot be changed while people have a value"))
        if uses := registries.uses_of("attribute", stored):
            return Refusal("type", _("cannot be changed while ‘%s’ uses it") % uses[0][0])
    if gone := set(stored.choices) - set(choices):
        people = holders(stored.key)
        for choice in sorted(gone, key=lambda one: -people.get(one, 0))[:1]:
            if number := people.get(choice):
                return Refusal(
                    "choices",
                    ngettext(
                        "cannot lose ‘%(choice)s’: %(number)d person has it",
                        "cannot lose ‘%(choice)s’: %(number)d people have it",
                        number,
                    )
                    % {"choice": choice, "number": number},
                )
    return None


def delete_attribute(*, definition: AttributeDefinition, actor: Any) -> Refusal | None:
    """Forget an attribute of which nobody has a value, which nothing uses and for which no value waits in quarantine."""
    with transaction.atomic():
        people = Subscriber.objects.filter(attributes__has_key=definition.key).count()
        if people:
            reason = ngettext("is known of %d person", "is known of %d people", people) % people
        elif uses := registries.uses_of("attribute", definition):
            reason = _("is used by ‘%s’") % uses[0][0]
        elif QuarantinedValue.objects.filter(key=definition.key).exists():
            reason = _("has values in quarantine; mend or dismiss them first")
        else:
            audit.record(actor=actor, action="attribute.deleted", target=definition)
            definition.delete()
            return None
    return Refusal("key", reason)


def definition_problem(*, key: str, type: str, choices: Sequence[str]) -> Refusal | None:
    """Why an attribute cannot be defined so, whoever has a value of it."""
    if not _KEY.fullmatch(key) or key in _TAKEN_KEYS:
        return Refusal("key", _("must be a lower-case word such as shoe_size, and not the name of a built-in field"))
    if type not in AttributeType.values:
        return Refusal("type", _("is not a type of attribute"))
    if (type in (AttributeType.ENUM, AttributeType.MULTI)) != bool(choices):
        return Refusal("choices", _("are needed for a list to choose from, and only there"))
    return None
