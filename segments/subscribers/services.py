"""Storing people: many at once from files and interfaces, one at a time from a form; defining attributes."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from personalize.core import audit, clock, hooks, registries
from segments.subscribers import attributes as typing
from segments.subscribers import profile
from segments.subscribers.checking import check, check_rows, definitions
from segments.subscribers.holdings import holders
from segments.subscribers.identity import take_along
from segments.subscribers.models import AttributeDefinition, AttributeType, QuarantinedValue, Subscriber
from segments.subscribers.storing import Ready, Upsert, make_ready
from segments.subscribers.types import Refusal, Stale, SubscriberRow, UpsertResult

_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_TAKEN_KEYS = {field.name for field in Subscriber._meta.get_fields()} | {field.name for field in fields(SubscriberRow)}


def upsert_subscribers(
    *,
    rows: Sequence[SubscriberRow],
    source: str,
    at: dt.datetime | None = None,
    policies: Mapping[str, str] | None = None,
) -> UpsertResult:
    """Create and change people so that they are as the rows say; what already is so is not written.

    Bad rows are refused one by one and the others stored. Values that do not fit their attribute or built-in field are kept
    apart and the rest of their row is stored; only an address or an external id refuses its row. ``source`` names the system that the external ids belong to; ``at`` stamps the rows
    and defaults to now. ``policies`` say by field (``attributes.KEY`` for an attribute) what a value may do to a stored
    one: ``set``, the default, replaces it; ``fill`` leaves it alone; ``append`` adds to a list of several.
    """
    ready = make_ready(check_rows(rows, definitions()), policies or {})
    return upsert_ready(ready=ready, source=source, at=at)


def upsert_ready(*, ready: Ready, source: str, at: dt.datetime | None = None) -> UpsertResult:
    """As ``upsert_subscribers``, with rows that were checked and made ready before, perhaps in a thread."""
    with transaction.atomic():
        upsert = Upsert(ready, source=source, at=at or clock.now())
        result = upsert.run()
        if written := upsert.created | upsert.updated:
            hooks.subscriber_changed(subscriber_ids=sorted(written))
    return result


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
        wanted = check(0, SubscriberRow(**{"email": person.email, **changes}), definitions())
        if isinstance(wanted, Refusal):
            return wanted
        if wanted.misfits:
            return wanted.misfits[0]
        if Subscriber.objects.filter(address_key=wanted.key).exclude(pk=person.pk).exists():
            return Refusal("email", _("belongs to another person"))
        former = person.address_key
        changed = _apply(
            person, {**wanted.columns, "email": wanted.email, "address_key": wanted.key}, wanted.attributes
        )
        if isinstance(changed, Refusal):
            return changed
        # What somebody has written by hand is the latest word on these fields.
        QuarantinedValue.objects.filter(subscriber=person, key__in=wanted.spoken_of).delete()
        if changed:
            person.updated_at = clock.now()
            person.lock_version += 1
            person.save(update_fields=[*changed, "updated_at", "lock_version"])
            if person.address_key != former:
                take_along(person, former)
            audit.record(actor=actor, action="subscriber.changed", target=person, fields=sorted(changed))
            hooks.subscriber_changed(subscriber_ids=[person.pk])
    return person


def create_subscriber(*, row: SubscriberRow, actor: Any) -> Subscriber | Refusal:
    """Add one person by hand, with good values alone; refused when somebody has the address, or had it and was erased."""
    wanted = check(0, row, definitions())
    if isinstance(wanted, Refusal):
        return wanted
    if wanted.misfits:
        return wanted.misfits[0]
    with transaction.atomic():
        known = Subscriber.objects.filter(address_key=wanted.key).first()
        if known is not None:
            if known.erased_at is None:
                return Refusal("email", _("belongs to another person"))
            return Refusal("email", _("belonged to a person who was erased; they come back only by their own sign-up"))
        stored = upsert_subscribers(rows=[row], source="dashboard")
        if stored.refused:
            return stored.refused[0].refusal
        if not stored.created:
            return Refusal("email", _("belongs to another person"))
        person = Subscriber.objects.get(address_key=wanted.key)
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
