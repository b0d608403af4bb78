"""What becomes of a person's events when they are handed their data, erased, or merged."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from personalize.core import hooks
from personalize.core.personal import delete, rows_of
from personalize.core.registries import PersonalData, Retention
from personalize.core.retention import rows_older
from segments.events.models import Event


def declared() -> list[PersonalData]:
    """One declaration for each model that leads to a person."""
    return [rows_of("events.Event", label=_("Events"), fate=_("deleted"))]


def _forget(rows: QuerySet[Event]) -> int:
    hooks.facts_changed(subscriber_ids=set(rows.values_list("subscriber_id", flat=True)))
    return delete(rows)


def kept() -> list[Retention]:
    return [
        rows_older(
            "events",
            Event.objects.filter(processed_at__isnull=False).all,
            "occurred_at",
            label=_("Events"),
            fate=_("deleted, and rules count them no more"),
            days=None,
            erase=_forget,
        )
    ]
