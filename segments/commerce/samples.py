"""A payload to try a mapping on: the last one that came, as a tree to point at, and what was read from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from segments.commerce.mapping import Read, Thing
from segments.commerce.models import Connection

MOST_PLACES = 300
MOST_ITEMS = 3


def latest(connection: Connection, thing: Thing, wanted: str) -> tuple[Any, str]:
    """The payload of the receipt asked for, else the last with a topic of this thing; (None, "") without one."""
    receipts = connection.receipts.order_by("-received_at", "-pk")
    try:
        found = receipts.filter(uuid=UUID(wanted)).first()
    except ValueError:
        topics = (connection.mapping.get(thing.key) or {}).get("topics", [])
        found = receipts.filter(topic__in=topics).first()
    return (found.body, found.topic) if found is not None and isinstance(found.body, dict) else (None, "")


def tree(payload: Any) -> list[tuple[int, str, str, str]]:
    """Depth, name, place and value of everything in the payload; groups have no value. Long lists are cut."""
    found = []
    for place in _places(payload, "", 0):
        found.append(place)
        if len(found) == MOST_PLACES:
            break
    return found


def _places(here: Any, path: str, depth: int) -> Iterator[tuple[int, str, str, str]]:
    inner: Iterator[tuple[str, str, Any]]
    if isinstance(here, dict):
        inner = ((key, f"{path}.{key}".lstrip("."), value) for key, value in here.items())
    else:
        inner = ((f"[{number}]", f"{path}[{number}]", value) for number, value in enumerate(here[:MOST_ITEMS]))
    for name, place, value in inner:
        if isinstance(value, dict | list) and value:
            yield depth, name, place, ""
            yield from _places(value, place, depth + 1)
        else:
            yield depth, name, place, "–" if value in (None, "", [], {}) else str(value)[:80]


def told(reads: Sequence[Read]) -> list[tuple[Any, list[tuple[Any, Any]], list[dict[str, Any]]]]:
    """What was read, for people: the thing, its values by label, and its lines."""
    return [
        (
            read.thing.label,
            [(one.label, read.values[one.name]) for one in read.thing.fields if one.name in read.values],
            [
                {"values": [(one.label, line[one.name]) for one in read.thing.fields if one.name in line]}
                for line in read.lines
            ],
        )
        for read in reads
    ]
