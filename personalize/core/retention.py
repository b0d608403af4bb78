"""How long things are kept, and the pruning of what is older: once a day by the workers, or by the command ``prune``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db.models import Q, QuerySet

from personalize.core import clock, registries
from personalize.core.personal import Erase, delete
from personalize.core.registries import Retention

SLICE = 5_000
FOR_EVER = "never"
_DAY_SECONDS = 24 * 3600


def rows_older(
    key: str,
    rows: Callable[[], QuerySet[Any]],
    by: str,
    *,
    label: Any,
    fate: Any,
    days: int | None,
    still: Q | None = None,
    erase: Erase = delete,
    order: int = 100,
) -> Retention:
    """Declare how long ``rows()`` are kept after the time in their column ``by``.

    ``still`` says which of them have anything left to remove; a kind that only empties its rows needs it to come to an end.
    """

    def old(before: dt.datetime) -> QuerySet[Any]:
        found = rows().filter(**{f"{by}__lt": before})
        return found.filter(still) if still is not None else found

    def prune(before: dt.datetime) -> int:
        slice_ = list(old(before).order_by(by, "pk").values_list("pk", flat=True)[:SLICE])
        if slice_:
            erase(rows().filter(pk__in=slice_))
        return len(slice_)

    return Retention(
        key=key, label=label, days=days, count=lambda before: old(before).count(), prune=prune, fate=fate, order=order
    )


def days_of(entry: Retention) -> int | None:
    """For how many days this kind is kept here; None is for ever. What the settings say badly, a system check tells."""
    said = settings.RETENTION_DAYS.get(entry.key)
    if said is None:
        return entry.days
    return None if said == FOR_EVER else int(said)


def limits(kinds: Collection[str] = (), *, at: dt.datetime | None = None) -> Iterator[tuple[Retention, dt.datetime]]:
    """Every kind that ends some day, with the time before which its rows are too old; ``kinds`` names some of them."""
    at = at or clock.now()
    for entry in registries.retention:
        days = days_of(entry)
        if days is not None and (not kinds or entry.key in kinds):
            yield entry, at - dt.timedelta(days=days)


def look() -> bool:
    """Once a day remove what is too old, a slice at each turn, so that sending never waits for it."""
    if not cache.add("core.retention", True, timeout=_DAY_SECONDS):
        return False
    for entry, before in limits():
        if entry.prune(before):
            cache.delete("core.retention")
            return True
    return False
