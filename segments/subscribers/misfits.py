"""Values that did not fit their attribute or built-in field: kept as they came until a good one comes, or somebody mends them."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Sequence
from typing import Any

from segments.subscribers import profile
from segments.subscribers.checking import Checked, Wanted
from segments.subscribers.models import QuarantinedValue
from segments.subscribers.types import SubscriberRow

_SLICE = 1000
_RAW, _REASON, _SOURCE = 1000, 255, 40
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def settle(people: Sequence[tuple[int, Wanted]], *, checked: Checked, source: str, at: dt.datetime) -> int:
    """Keep the misfits that people's rows hold and drop those that a good value replaced; how many misfits came.

    ``people`` are ids with some of the checked rows.
    """
    spoken = [(person, row) for person, row in people if row.misfits or row.attributes or row.columns]
    misfits = sum(len(row.misfits) for _person, row in spoken)
    if misfits or (spoken and QuarantinedValue.objects.exists()):
        for start in range(0, len(spoken), _SLICE):
            rows = dict(spoken[start : start + _SLICE])
            wanted = [
                QuarantinedValue(
                    subscriber_id=person,
                    key=misfit.field,
                    raw=_raw(checked.rows[row.index], misfit.field),
                    reason=misfit.reason[:_REASON],
                    source=source[:_SOURCE],
                    line=checked.lines[row.index] if checked.lines else None,
                    at=at,
                )
                for person, row in rows.items()
                for misfit in row.misfits
            ]
            _store(rows, wanted)
    return misfits


def _store(rows: dict[int, Wanted], wanted: Sequence[QuarantinedValue]) -> None:
    """Write what differs from the latest word on each field; the same again is not written."""
    stored = {(value.subscriber_id, value.key): value for value in QuarantinedValue.objects.filter(subscriber__in=rows)}
    settled = [value.pk for (person, key), value in stored.items() if key in rows[person].spoken_of]
    QuarantinedValue.objects.filter(pk__in=settled).delete()
    QuarantinedValue.objects.bulk_create(
        [value for value in wanted if _said(value) != _said(stored.get((value.subscriber_id, value.key)))],
        update_conflicts=True,
        unique_fields=["subscriber", "key"],
        update_fields=["raw", "reason", "source", "line", "at"],
    )


def _said(value: QuarantinedValue | None) -> tuple[Any, ...]:
    return (value.raw, value.reason, value.source, value.line) if value else ()


def _raw(row: SubscriberRow, key: str) -> str:
    """What came, as text; no attribute has the name of a built-in field."""
    value = row.attributes[key] if key in row.attributes else profile.whole(key, row)
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return _UNSTORABLE.sub("", text)[:_RAW]
