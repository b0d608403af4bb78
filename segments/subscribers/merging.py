"""Merging two rows that are one person: which value is kept in each field, and everything moved to the survivor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from personalize.core import audit, clock, hooks, registries
from personalize.core.database import fold
from segments.subscribers import attributes as typing
from segments.subscribers.identity import take_along
from segments.subscribers.models import AttributeDefinition, Merge, Rhythm, Subscriber, Tracking
from segments.subscribers.people import birthday
from segments.subscribers.profile import FOLDED, TEXTS
from segments.subscribers.types import Refusal

SURVIVOR, DUPLICATE = "survivor", "duplicate"
EMAIL = "email"

# What belongs together is chosen together: half of one birthday and half of another is nobody's.
_COLUMNS: dict[str, tuple[str, ...]] = {
    EMAIL: ("email", "address_key"),
    **{name: (name, f"{name}_folded") if name in FOLDED else (name,) for name in TEXTS},
    "country": ("country",),
    "language": ("language",),
    "time_zone": ("time_zone",),
    "birthday": ("birth_day", "birth_month", "birth_year"),
    "position": ("latitude", "longitude"),
}
_LABELS = {
    EMAIL: gettext_lazy("Address"),
    "first_name": gettext_lazy("First name"),
    "last_name": gettext_lazy("Last name"),
    "preferred_name": gettext_lazy("Called"),
    "title": gettext_lazy("Title"),
    "region": gettext_lazy("Region"),
    "city": gettext_lazy("City"),
    "postal_code": gettext_lazy("Postal code"),
    "country": gettext_lazy("Country"),
    "language": gettext_lazy("Language"),
    "time_zone": gettext_lazy("Time zone"),
    "birthday": gettext_lazy("Birthday"),
    "position": gettext_lazy("Position"),
    "tracking": gettext_lazy("Tracking"),
    "rhythm": gettext_lazy("Rhythm"),
}
ATTRIBUTE, EXTERNAL_ID = "attributes.", "external_id."


@dataclass(frozen=True)
class Difference:
    """A field in which two rows differ: both values as text, and whose is kept unless somebody says otherwise.

    ``field`` is a name such as ``city``, ``attributes.shoe_size`` or ``external_id.shop``.
    """

    field: str
    label: Any
    survivor: str
    duplicate: str

    @property
    def default(self) -> str:
        return SURVIVOR if self.survivor else DUPLICATE

    @property
    def open(self) -> bool:
        """Whether there is anything to choose: a gap is filled without asking."""
        return bool(self.survivor and self.duplicate)

    def settled(self, side: str) -> dict[str, str]:
        """The entry of the log when the value of ``side`` is kept."""
        values = (self.survivor, self.duplicate)
        kept, gave_way = values if side == SURVIVOR else values[::-1]
        return {"field": self.field, "kept": kept, "gave_way": gave_way}


def differences(survivor: Subscriber, duplicate: Subscriber) -> list[Difference]:
    """The fields in which the two differ, in the order of the profile."""
    found = [Difference(field, _LABELS[field], _text(survivor, field), _text(duplicate, field)) for field in _COLUMNS]
    labels = {definition.key: definition.label for definition in AttributeDefinition.objects.all()}
    for key in sorted(survivor.attributes.keys() | duplicate.attributes.keys()):
        texts = (_shown(person.attributes.get(key)) for person in (survivor, duplicate))
        found.append(Difference(ATTRIBUTE + key, labels.get(key, key), *texts))
    ids = [dict(person.external_ids.values_list("source", "value")) for person in (survivor, duplicate)]
    for source in sorted(ids[0].keys() | ids[1].keys()):
        label = _("Id in ‘%(source)s’") % {"source": source}
        found.append(Difference(EXTERNAL_ID + source, label, *(one.get(source, "") for one in ids)))
    return [one for one in found if one.survivor != one.duplicate]


def consequences(duplicate: Subscriber) -> list[tuple[Any, int]]:
    """What would move, as (label, number); kinds of which there is nothing are left out."""
    counts = [(entry.label, entry.count(duplicate)) for entry in registries.personal_data if entry.export is not None]
    return [(label, count) for label, count in counts if count]


def merge_subscribers(
    *, survivor: Subscriber, duplicate: Subscriber, actor: Any, prefer: Mapping[str, str] | None = None
) -> Merge | Refusal:
    """Make one row of two that are the same person; the duplicate's row is gone afterwards.

    In each field the survivor's value stays, its gaps are filled from the duplicate, and ``prefer`` names fields (as
    ``differences`` does) with ``"survivor"`` or ``"duplicate"``. Of what both said about consent, tracking and rhythm the
    stricter holds, whatever is preferred. All rows about the duplicate move. It cannot be undone; the log says what was.
    """
    prefer = prefer or {}
    if survivor.pk == duplicate.pk:
        return Refusal(DUPLICATE, _("is the same person"))
    with transaction.atomic():
        locked = Subscriber.objects.select_for_update().filter(pk__in=[survivor.pk, duplicate.pk]).order_by("pk")
        both = {person.pk: person for person in locked.present()}
        if len(both) < 2:
            return Refusal(DUPLICATE, _("is no longer there, or was erased"))
        keeps, goes = both[survivor.pk], both[duplicate.pk]
        differing = differences(keeps, goes)
        for field, side in prefer.items():
            if side not in (SURVIVOR, DUPLICATE):
                return Refusal(field, _("must be survivor or duplicate"))
            if field not in {one.field for one in differing}:
                return Refusal(field, _("is not a field in which they differ"))
        return _merge(keeps, goes, [(one, prefer.get(one.field, one.default)) for one in differing], actor)


def _merge(keeps: Subscriber, goes: Subscriber, chosen: list[tuple[Difference, str]], actor: Any) -> Merge:
    former = keeps.address_key
    # Where only the survivor knew anything, nothing was decided.
    values = [one.settled(side) for one, side in chosen if one.duplicate]
    taken = {one.field for one, side in chosen if side == DUPLICATE}
    for field in taken:
        if field.startswith(EXTERNAL_ID):
            keeps.external_ids.filter(source=field.removeprefix(EXTERNAL_ID)).delete()
    moved = {entry.model: entry.merge(keeps, goes) for entry in registries.personal_data}
    values += _take(keeps, goes, taken)
    gone = goes.uuid
    goes.delete()
    keeps.updated_at = clock.now()
    keeps.lock_version += 1
    keeps.save()
    if keeps.address_key != former:
        take_along(keeps, former)
    merge = Merge.objects.create(
        survivor=keeps,
        duplicate=gone,
        at=clock.now(),
        actor=str(actor)[:255],
        values=values,
        moved={model: count for model, count in moved.items() if count},
    )
    audit.record(
        actor=actor,
        action="subscriber.merged",
        target=keeps,
        duplicate=str(gone),
        fields=sorted(value["field"] for value in values),
        moved=merge.moved,
    )
    hooks.subscriber_changed(subscriber_ids=[keeps.pk])
    return merge


def _take(keeps: Subscriber, goes: Subscriber, fields: set[str]) -> list[dict[str, str]]:
    """Set on ``keeps`` what it takes over; returns the log of what followed from the stricter word."""
    for field in fields:
        for column in _COLUMNS.get(field, ()):
            setattr(keeps, column, getattr(goes, column))
        if field in FOLDED:
            setattr(keeps, f"{field}_folded", fold(getattr(keeps, field))[: TEXTS[field]])
        if field.startswith(ATTRIBUTE):
            key = field.removeprefix(ATTRIBUTE)
            keeps.attributes[key] = goes.attributes[key]
    keeps.attributes_folded = typing.folded(keeps.attributes)
    keeps.created_at = min(keeps.created_at, goes.created_at)
    log = []
    for column, strictest in (
        ("tracking", (Tracking.UNKNOWN, Tracking.GRANTED, Tracking.DENIED).index),
        ("rhythm", (Rhythm.ANY, Rhythm.WEEKLY).index),
    ):
        rank: Callable[[Any], int] = strictest
        mine, theirs = getattr(keeps, column), getattr(goes, column)
        stricter = max(mine, theirs, key=rank)
        if mine != theirs:
            log.append({"field": column, "kept": stricter, "gave_way": theirs if stricter == mine else mine})
        setattr(keeps, column, stricter)
    return log


def moved(merge: Merge) -> list[tuple[Any, int]]:
    """How many rows a merge moved, by the label of their kind."""
    entries = ((registries.personal_data.get(model), model, count) for model, count in merge.moved.items())
    return [(entry.label if entry else model, count) for entry, model, count in entries]


def label_of(field: str) -> Any:
    """What a field of the log is called."""
    if field.startswith(ATTRIBUTE):
        key = field.removeprefix(ATTRIBUTE)
        return AttributeDefinition.objects.filter(key=key).values_list("label", flat=True).first() or key
    if field.startswith(EXTERNAL_ID):
        return _("Id in ‘%(source)s’") % {"source": field.removeprefix(EXTERNAL_ID)}
    return _LABELS.get(field, field)


def _text(person: Subscriber, field: str) -> str:
    if field == "birthday":
        return birthday(person)
    if field == "position":
        return "" if person.latitude is None else f"{person.latitude}, {person.longitude}"
    return str(getattr(person, field) or "")


def _shown(value: Any) -> str:
    return "" if value is None else ", ".join(value) if isinstance(value, list) else str(value)
