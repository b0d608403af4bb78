"""What a new value may do to a stored one: replace it, only fill where nothing is, or join a list of several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from segments.subscribers import attributes, profile
from segments.subscribers.checking import Wanted
from segments.subscribers.models import AttributeDefinition, Subscriber
from segments.subscribers.types import Refusal

SET, FILL, APPEND = "set", "fill", "append"
ATTRIBUTE = "attributes."
_SLICE = 1000
# The columns that one given field sets, where that is not a column of its own name.
_COLUMNS = {
    "latitude": ("latitude", "longitude"),
    "longitude": ("latitude", "longitude"),
    "birth_date": ("birth_year", "birth_month", "birth_day"),
}


def have_a_say(policies: Mapping[str, str], known: Mapping[str, AttributeDefinition]) -> bool:
    """Whether what is stored of people decides what their rows may change: by a policy, or by the limit of attributes."""
    return bool(_careful(policies)) or len(known) > attributes.MAX_ATTRIBUTES


def narrow(rows: Sequence[Wanted], policies: Mapping[str, str]) -> Iterator[tuple[Wanted, Refusal]]:
    """Take out of the rows, in place, what their policies do not let them change; gives the rows to be refused.

    ``policies`` are by the name of a field, ``attributes.KEY`` for an attribute; what they do not name is set. People are
    read, and locked where the database can.
    """
    careful = _careful(policies)
    people = _stored(row.key for row in rows)
    for row in rows:
        person = people.get(row.key)
        if person is not None:
            for name, policy in careful.items():
                _narrow_field(row, person, name, policy)
        merged = attributes.merged(person.attributes if person else {}, row.attributes)
        if isinstance(merged, Refusal):
            yield row, merged


def _careful(policies: Mapping[str, str]) -> dict[str, str]:
    return {name: policy for name, policy in policies.items() if policy != SET}


def _stored(keys: Iterable[str]) -> dict[str, Subscriber]:
    wanted = sorted(keys)
    locked = Subscriber.objects.select_for_update(no_key=True).order_by("address_key")
    return {
        person.address_key: person
        for start in range(0, len(wanted), _SLICE)
        for person in locked.filter(address_key__in=wanted[start : start + _SLICE])
    }


def _narrow_field(row: Wanted, person: Subscriber, name: str, policy: str) -> None:
    if name.startswith(ATTRIBUTE):
        key = name.removeprefix(ATTRIBUTE)
        old, new = person.attributes.get(key), row.attributes.get(key)
        if policy == FILL and old is not None:
            row.attributes.pop(key, None)
        elif policy == APPEND and isinstance(old, list) and isinstance(new, list):
            row.attributes[key] = sorted({*old, *new})
        return
    columns = _COLUMNS.get(name, (name,))
    if any(getattr(person, column) not in (None, "") for column in columns):
        for column in columns:
            row.columns.pop(column, None)
            if column in profile.FOLDED:
                row.columns.pop(f"{column}_folded", None)
