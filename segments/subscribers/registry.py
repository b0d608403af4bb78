"""The attribute registry as people read it: every field with its type, how much is known of it, and what uses it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from personalize.core import registries
from personalize.core.registries import Use
from segments.subscribers.holdings import Holdings, Values, holdings
from segments.subscribers.models import AttributeDefinition, AttributeType
from segments.subscribers.people import country_name, language_name
from segments.subscribers.quarantine import waiting


@dataclass(frozen=True)
class Line:
    """One field. ``share`` is how much of the people it is known of, in percent, None without people; ``about`` marks
    estimates. ``samples`` are its most frequent values, each with how many people or what part of them.
    """

    key: str
    label: Any
    type: Any
    unit: str
    filled: int
    share: str | None
    about: bool
    distinct: int | None
    samples: Sequence[tuple[str, str]]
    waiting: int
    uses: Sequence[Use]
    definition: AttributeDefinition | None = None

    @property
    def url(self) -> str:
        return reverse("subscribers:attribute", args=[self.key])

    @property
    def waits_as(self) -> str:
        """The name under which its values wait in quarantine."""
        return _WAITS_AS.get(self.key, self.key)


@dataclass(frozen=True)
class Registry:
    """All fields: those the shop has defined, and those that are built in."""

    own: Sequence[Line]
    built_in: Sequence[Line]
    known: Holdings

    @property
    def waiting(self) -> int:
        return sum(line.waiting for line in (*self.own, *self.built_in))


def read() -> Registry:
    """The registry as it stands; the number of statements does not depend on how many attributes there are."""
    known = holdings()
    uses = registries.uses_of_all("attribute")
    stuck: Mapping[str, int] = Counter(waiting().values_list("key", flat=True))
    own = [
        _line(known, uses, definition.key, definition.label, definition.get_type_display(), definition, stuck)
        for definition in AttributeDefinition.objects.all()
    ]
    built_in = [_line(known, uses, key, label, type, None, stuck) for key, label, type in _built_in()]
    return Registry(own, built_in, known)


def _line(
    known: Holdings,
    uses: Mapping[str, list[Use]],
    key: str,
    label: Any,
    type: Any,
    definition: AttributeDefinition | None,
    stuck: Mapping[str, int],
) -> Line:
    counted, filled = known.counted, known.filled.get(key, 0)
    values = known.values.get(key, Values())
    countable = values.samples or (definition is not None and not filled)
    return Line(
        key=key,
        label=label,
        type=type,
        unit=definition.unit if definition else "",
        filled=filled,
        share=number_format(round(100 * filled / counted, 1), 1) if counted else None,
        about=counted < known.people,
        distinct=values.distinct if countable else None,
        samples=[(_word(key, value, definition), _weight(people, known)) for value, people in values.samples],
        waiting=stuck.get(_WAITS_AS.get(key, key), 0),
        uses=[use for name in _ASKED_AS.get(key, (key,)) for use in uses.get(name, [])],
        definition=definition,
    )


# Where rules ask for a field under other names.
_ASKED_AS: Mapping[str, tuple[str, ...]] = {
    "birthday": ("birthday_month", "age"),
    "position": ("latitude", "longitude"),
}


# Where values wait in quarantine under another name.
_WAITS_AS: Mapping[str, str] = {"birthday": "birth_date", "position": "latitude"}


def _weight(people: int, known: Holdings) -> str:
    if known.looked_at == known.people:
        return number_format(people, force_grouping=True)
    return number_format(round(100 * people / known.looked_at), 0) + "%"


def _word(key: str, value: str, definition: AttributeDefinition | None) -> str:
    if definition is None:
        named = {"country": country_name, "language": language_name}.get(key)
        return named(value) if named else value
    if definition.type == AttributeType.BOOL:
        return _("Yes") if value == "true" else _("No")
    return value


def _built_in() -> list[tuple[str, str, str]]:
    text, code = _("Text"), _("Code")
    return [
        ("email", _("Email"), _("Address")),
        ("first_name", _("First name"), text),
        ("last_name", _("Last name"), text),
        ("preferred_name", _("Called"), text),
        ("title", _("Title"), text),
        ("language", _("Language"), code),
        ("time_zone", _("Time zone"), code),
        ("country", _("Country"), code),
        ("region", _("Region"), text),
        ("city", _("City"), text),
        ("postal_code", _("Postal code"), text),
        ("birthday", _("Birthday"), _("Day and month, perhaps year")),
        ("position", _("Position"), _("Latitude and longitude")),
    ]
