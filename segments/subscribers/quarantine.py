"""Values that did not fit their attribute or built-in field: seen value by value, mended for one person or for all alike, or dismissed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Count, Max, Min, QuerySet
from django.utils.translation import gettext as _

from personalize.core import audit
from personalize.core.database import fold
from segments.subscribers import profile
from segments.subscribers.attributes import items_of, typed
from segments.subscribers.models import AttributeDefinition, AttributeType, QuarantinedValue
from segments.subscribers.services import define_attribute, upsert_subscribers
from segments.subscribers.types import Refusal, SubscriberRow

SLICE = 1000

CHOSEN = (AttributeType.ENUM, AttributeType.MULTI)


def waiting(key: str = "") -> QuerySet[QuarantinedValue]:
    """What waits to be mended, of one attribute or built-in field or of all; erased people's values are gone."""
    found = QuarantinedValue.objects.filter(subscriber__erased_at__isnull=True)
    return found.filter(key=key) if key else found


@dataclass(frozen=True)
class Span:
    """Where values came from and when, such as during one import; what is left empty is not asked for."""

    source: str = ""
    since: dt.datetime | None = None
    until: dt.datetime | None = None

    def narrow(self, values: QuerySet[QuarantinedValue]) -> QuerySet[QuarantinedValue]:
        asked = {"source": self.source, "at__gte": self.since, "at__lte": self.until}
        return values.filter(**{name: value for name, value in asked.items() if value})


def alike(value: QuarantinedValue) -> QuerySet[QuarantinedValue]:
    """This value and everybody else's for the same field with the same text."""
    return waiting(value.key).filter(raw=value.raw)


def by_value(values: QuerySet[QuarantinedValue]) -> QuerySet[Any, Any]:
    """Of waiting values one row for each field and text: ``people`` who have it, the row ``first`` to mend it by, the ``latest`` time."""
    return (
        values.values("key", "raw")
        .annotate(people=Count("pk"), first=Min("pk"), latest=Max("at"))
        .order_by("-people", "key", "raw")
    )


def mend(*, values: QuerySet[QuarantinedValue], key: str, value: Any, actor: Any) -> int | Refusal:
    """Store ``value`` for the people of these rows in the place of what came; returns how many people that were.

    All rows are of the attribute or built-in field ``key``. A value that does not fit either is refused, and nothing changes.
    """
    definition = AttributeDefinition.objects.filter(key=key).first()
    given = _given(key, value, definition)
    if isinstance(given, Refusal):
        return given
    with transaction.atomic():
        rows = list(values.filter(key=key).select_related("subscriber"))
        for start in range(0, len(rows), SLICE):
            part = rows[start : start + SLICE]
            stored = upsert_subscribers(
                rows=[SubscriberRow(row.subscriber.email or "", **given) for row in part],
                source="quarantine",
            )
            if stored.refused:
                # Taken back as a whole, or nobody would know who has the value and who has not.
                transaction.set_rollback(True)
                return Refusal("value", str(stored.refused[0].refusal))
            QuarantinedValue.objects.filter(pk__in=[row.pk for row in part]).delete()
        audit.record(actor=actor, action="quarantine.mended", target=definition or key, people=len(rows))
    return len(rows)


def _given(key: str, value: Any, definition: AttributeDefinition | None) -> dict[str, Any] | Refusal:
    """The fields of a SubscriberRow that give a person this value, if it is one."""
    if definition is None and key not in profile.GIVEN:
        return Refusal("value", _("belongs to an attribute that is not defined any more"))
    if value in (None, "", []):
        return Refusal("value", _("is missing; dismiss the value if there is none"))
    if definition is None:
        given = profile.parts(key, value)
        _columns, bad = profile.columns(given)
        return Refusal("value", bad[0].reason) if bad else given
    checked = typed(definition, value)
    return Refusal("value", checked.reason) if isinstance(checked, Refusal) else {"attributes": {key: checked}}


def take_as_choice(*, value: QuarantinedValue, actor: Any) -> int | Refusal:
    """Let what came be a choice from now on, and store it for everybody of whom it came; returns how many."""
    definition = AttributeDefinition.objects.filter(key=value.key, type__in=CHOSEN).first()
    if definition is None:
        return Refusal("value", _("belongs to an attribute that has no choices"))
    with transaction.atomic():
        changed = define_attribute(
            key=definition.key,
            label=definition.label,
            type=definition.type,
            actor=actor,
            unit=definition.unit,
            choices=[*definition.choices, *new_choices(definition, value.raw)],
            sensitive=definition.sensitive,
            self_service=definition.self_service,
            fallback=definition.fallback,
        )
        mended = (
            mend(values=alike(value), key=value.key, value=value.raw, actor=actor)
            if isinstance(changed, AttributeDefinition)
            else changed
        )
        if isinstance(mended, Refusal):
            transaction.set_rollback(True)
    return mended


def new_choices(definition: AttributeDefinition, raw: str) -> Sequence[str]:
    """The items of a text that are no choices of the attribute yet, as they were written."""
    known = {fold(choice) for choice in definition.choices}
    items = items_of(raw) if definition.type == AttributeType.MULTI else [raw]
    new: dict[str, str] = {}
    for item in items:
        if item.strip() and fold(item) not in known:
            new.setdefault(fold(item), item.strip())
    return list(new.values())


@transaction.atomic
def dismiss(*, values: QuerySet[QuarantinedValue], key: str, actor: Any) -> int:
    """Let values go for good; what people had there before stays. Returns how many were dismissed."""
    gone, _by_model = values.filter(key=key).delete()
    definition = AttributeDefinition.objects.filter(key=key).first()
    audit.record(actor=actor, action="quarantine.dismissed", target=definition or key, people=gone)
    return gone
