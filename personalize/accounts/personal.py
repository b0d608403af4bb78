"""What becomes of the traces a person left in the audit trail and in kept answers of the API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from personalize.accounts.models import AuditEntry, IdempotentAnswer
from personalize.core.personal import mentioning, rows_of, stay
from personalize.core.registries import PersonalData, Retention
from personalize.core.retention import rows_older


def declared() -> list[PersonalData]:
    """One declaration for each model that may tell of a person, though no key leads there."""
    return [
        PersonalData(
            model="accounts.AuditEntry",
            label=_("Changes made by hand"),
            count=lambda person: len(_told(person)),
            export=_export,
            erase=_erase,
            merge=lambda survivor, duplicate: about(duplicate).update(target_id=str(survivor.pk)),
            fate=_("kept without name, address and reason"),
        ),
        rows_of(
            "accounts.IdempotentAnswer",
            label=_("Kept answers of the interface"),
            fate=_("deleted"),
            find=_answers,
            merge=stay,
            handed_out=False,
        ),
    ]


def kept() -> list[Retention]:
    return [
        rows_older(
            "answers",
            IdempotentAnswer.objects.all,
            "created_at",
            label=_("Answers to requests with an idempotency key"),
            fate=_("deleted"),
            days=1,
        )
    ]


def about(person: Any) -> QuerySet[AuditEntry]:
    """The entries whose target is this person."""
    return AuditEntry.objects.filter(target_type=person._meta.label, target_id=str(person.pk))


def _names(person: Any) -> list[str]:
    """What would tell who it was. A single word may be anybody's name, or no name at all."""
    full = person.full_name
    return [*person.addresses(), full if " " in full else ""]


def _told(person: Any) -> set[int]:
    entries = AuditEntry.objects.all()
    rows = set(about(person).values_list("pk", flat=True))
    for column in ("target_label", "reason", "details"):
        rows |= set(mentioning(entries, column, _names(person)).values_list("pk", flat=True))
    return rows


def _erase(person: Any) -> int:
    told = _told(person)
    entries = AuditEntry.objects.filter(pk__in=told)
    nobody = gettext("Erased person")
    mentioning(entries, "target_label", _names(person)).update(target_label=nobody)
    mentioning(entries, "reason", _names(person)).update(reason="")
    mentioning(entries, "details", _names(person)).update(details={})
    about(person).update(target_label=nobody, reason="")
    return len(told)


def _export(person: Any) -> Iterable[Mapping[str, Any]]:
    return about(person).order_by("pk").values("at", "action", "reason", "details").iterator()


def _answers(person: Any) -> QuerySet[IdempotentAnswer]:
    words = [*person.addresses(), *(f'"{value}"' for value in person.foreign_ids())]
    return mentioning(IdempotentAnswer.objects.all(), "body", words, binary=True)
