"""What happened to a person, told from all sources as one list: page by page without a gap or a double, or as a whole."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from personalize.core import registries
from personalize.core.registries import Span, TimelineEntry
from segments.subscribers.models import Subscriber

PAGE = 30
_WALK = 500
_INSTANT = dt.timedelta(microseconds=1)


@dataclass(frozen=True)
class Place:
    """Where a reader stopped: the time of the last entry they saw, and how many of that very time they have seen.

    As a text it goes into the address of the next page.
    """

    at: dt.datetime
    passed: int

    def __str__(self) -> str:
        return f"{self.at.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%S.%fZ}~{self.passed}"


def place(text: str) -> Place | None:
    """The place that the text names; None when it names none."""
    at, _tilde, passed = text.partition("~")
    try:
        moment = dt.datetime.fromisoformat(at)
    except ValueError:
        return None
    return Place(moment, int(passed)) if moment.tzinfo and passed.isdigit() and len(passed) < 6 else None


def page(
    person: Subscriber, *, kind: str = "", span: Span | None = None, after: Place | None = None, size: int = PAGE
) -> tuple[list[TimelineEntry], Place | None]:
    """The next ``size`` entries, newest first, and the place to go on from; None at the end.

    ``kind`` is the key of one source, empty for all. Entries of one instant keep the order of their sources.
    """
    span = span or Span()
    passed = 0
    if after is not None:
        upto = after.at + _INSTANT
        passed = after.passed
        span = replace(span, until=upto if span.until is None else min(upto, span.until))
    wanted = passed + size
    found = [
        entry
        for source in registries.timeline
        if kind in ("", source.key)
        for entry in source.entries(person, wanted + 1, span)
    ]
    found.sort(key=lambda entry: entry.at, reverse=True)
    shown = found[passed:wanted]
    if len(found) <= wanted:
        return shown, None
    last = shown[-1].at
    return shown, Place(last, sum(entry.at == last for entry in found[:wanted]))


def walk(person: Subscriber, *, kind: str = "", span: Span | None = None) -> Iterator[TimelineEntry]:
    """Every entry, newest first."""
    after: Place | None = None
    while True:
        entries, after = page(person, kind=kind, span=span, after=after, size=_WALK)
        yield from entries
        if after is None:
            return


def plain(entry: TimelineEntry) -> dict[str, Any]:
    """An entry as plain values, for files."""
    return {
        "at": entry.at.astimezone(dt.UTC).isoformat(),
        "kind": entry.kind,
        "what": str(entry.verb),
        "text": str(entry.text),
        "detail": str(entry.detail),
        "lines": "; ".join(f"{thing}: {figure}" for thing, figure in entry.lines),
    }
