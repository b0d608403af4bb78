"""What the kinds share when they read the rows of a chunk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from django.utils.translation import gettext as _

from segments.transfer.types import Group, Record, Tally


def given(record: Record, at: Mapping[str, int]) -> dict[str, str]:
    """What the row says; an empty cell says nothing, so that it changes nothing."""
    values = record.values
    return {field: value for field, place in at.items() if (value := values[place]) and not value.isspace()}


def last_of_each(groups: Sequence[Group], key: Callable[[Record], str], tally: Tally) -> list[Record]:
    """The last row of every key, if it has the right shape; the earlier ones are superseded. No key: each for itself."""
    records = [record for group in groups for record in group]
    keys = [key(record) for record in records]
    last = dict(zip(keys, records, strict=True))
    found = []
    for name, record in zip(keys, records, strict=True):
        if name and last[name] is not record:
            tally.reject(record, _("superseded by line %d") % last[name].line)
        elif record.problem:
            tally.reject(record, record.problem)
        else:
            found.append(record)
    return found
