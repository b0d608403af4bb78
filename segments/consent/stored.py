"""What is stored about a person and why, in words for that person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.dates import MONTHS
from django.utils.translation import gettext as _

from personalize.core import registries
from personalize.core.addresses import mask
from segments.consent.models import ConsentEntry
from segments.subscribers import people
from segments.subscribers.models import AttributeDefinition, Subscriber

_PROOFS = 100


def facts(person: Subscriber) -> list[tuple[Any, str]]:
    """Everything known of a person as (term, value); the address stays masked, whoever looks over their shoulder."""
    born = [str(part) for part in (person.birth_day, MONTHS.get(person.birth_month or 0), person.birth_year) if part]
    values: list[tuple[Any, Any]] = [
        (_("Address"), mask(person.email or "")),
        (_("Name"), " ".join(part for part in (person.title, person.full_name) if part)),
        (_("Called"), person.preferred_name),
        (_("Birthday"), " ".join(born)),
        (_("Language"), people.language_name(person.language) if person.language else ""),
        (_("Time zone"), person.time_zone),
        (_("Country"), people.country_name(person.country) if person.country else ""),
        (_("Place"), " ".join(part for part in (person.postal_code, person.city, person.region) if part)),
        (_("Position"), f"{person.latitude}, {person.longitude}" if person.latitude is not None else ""),
    ]
    labels = dict(AttributeDefinition.objects.values_list("key", "label"))
    values += [(labels.get(key, key), _words(value)) for key, value in sorted(person.attributes.items())]
    return [(term, str(value)) for term, value in values if value not in ("", None)]


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def proofs(person: Subscriber) -> Sequence[tuple[ConsentEntry, Any]]:
    """What the person said about mail and where, the latest first."""
    said = ConsentEntry.objects.filter(subscriber=person).select_related("topic").order_by("-at", "-pk")
    return [
        (entry, _("our sign-up form") if entry.source.startswith("form:") else entry.source) for entry in said[:_PROOFS]
    ]


def kinds(person: Subscriber) -> list[tuple[Any, int]]:
    """What else there is about the person, as (what, how many)."""
    counted = ((declared.label, declared.count(person)) for declared in registries.personal_data)
    return [(label, count) for label, count in counted if count]
