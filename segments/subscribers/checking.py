"""Rows as given become rows as stored, or are refused with the field and the reason; nothing is read of people here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from personalize.core.addresses import BadAddress, address_key, normalise
from segments.subscribers import attributes, profile
from segments.subscribers.models import AttributeDefinition
from segments.subscribers.types import Refusal, RefusedRow, SubscriberRow

_MAX_EXTERNAL_ID = 120


@dataclass(slots=True)
class Wanted:
    """A row after its values were checked. ``columns`` and ``attributes`` have only what the row says.

    An attribute of None is to be removed; ``misfits`` are the values that do not fit their attribute or built-in field.
    """

    index: int
    email: str
    key: str
    columns: dict[str, Any]
    attributes: dict[str, Any]
    external_id: str
    misfits: list[Refusal] = field(default_factory=list)

    @property
    def spoken_of(self) -> set[str]:
        """The attributes and built-in fields that the row has a good word on."""
        born = {"birth_date"} if "birth_month" in self.columns else set()
        return {*self.attributes, *self.columns, *born}


@dataclass(frozen=True)
class Checked:
    """Rows that were checked: the good ones in stored form, and those that are refused.

    ``known`` are the attributes by key, ``rows`` all rows as given, and ``lines`` the lines of a file they stood on, if
    any; ``Wanted.index`` points into both.
    """

    rows: Sequence[SubscriberRow]
    good: Sequence[Wanted]
    refused: Sequence[RefusedRow]
    known: Mapping[str, AttributeDefinition]
    lines: Sequence[int] | None = None


def definitions() -> dict[str, AttributeDefinition]:
    """All attributes by key."""
    return {definition.key: definition for definition in AttributeDefinition.objects.all()}


def check_rows(
    rows: Sequence[SubscriberRow], known: Mapping[str, AttributeDefinition], lines: Sequence[int] | None = None
) -> Checked:
    """Check all rows. The database is not asked, so that a thread may do it while the database works."""
    good, refused = [], []
    for index, row in enumerate(rows):
        wanted = check(index, row, known)
        if isinstance(wanted, Refusal):
            refused.append(RefusedRow(index, wanted))
        else:
            good.append(wanted)
    return Checked(rows, good, refused, known, lines)


def check(index: int, row: SubscriberRow, known: Mapping[str, AttributeDefinition]) -> Wanted | Refusal:
    """The row in stored form. ``known`` are the attributes that are defined."""
    try:
        email = normalise(row.email)
    except BadAddress as error:
        return Refusal("email", str(error))
    given = {name: value for name in profile.GIVEN if (value := getattr(row, name)) is not None}
    columns, misfits = profile.columns(given)
    values: dict[str, Any] = {}
    for key, raw in row.attributes.items():
        if key not in known:
            return Refusal(key[:40], _("is not a known attribute; define it first"))
        value = None if raw is None or raw == "" else attributes.typed(known[key], raw)
        if isinstance(value, Refusal):
            misfits.append(value)
        else:
            values[key] = value
    external_id = profile.clean_text(row.external_id) if row.external_id else ""
    if len(external_id) > _MAX_EXTERNAL_ID:
        return Refusal("external_id", _("is longer than %d characters") % _MAX_EXTERNAL_ID)
    return Wanted(index, email, address_key(email), columns, values, external_id, misfits)
