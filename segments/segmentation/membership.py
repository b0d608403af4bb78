"""Who joined a segment and who left it: the difference between two looks, for segments that somebody follows.

A look is taken as often as it costs little. Each coming and going is an event, written with the row that remembers it.
"""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
import json
import logging
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from personalize.core.clock import now
from personalize.core.registries import Registry
from segments.events.services import record_events
from segments.events.types import NewEvent
from segments.segmentation.models import Membership, Segment, SegmentSnapshot
from segments.segmentation.rules.compiler import compile_rule
from segments.segmentation.rules.parse import RuleError, parse
from segments.segmentation.usages import named
from segments.subscribers.models import Subscriber

logger = logging.getLogger(__name__)

OFTEN = dt.timedelta(minutes=1)
"""How soon a segment is looked at again that costs next to nothing."""

SHARE = 20
"""A look that takes long is repeated after so many times its own duration."""

LEASE = dt.timedelta(minutes=15)
"""After which somebody else takes a look up that its process did not live to end; and how soon a broken rule is tried."""

SLICE = 20_000
"""How many comings or goings one transaction writes."""


class Cause(enum.StrEnum):
    """Why people come and go: something about them changed, or the segment means others now, which triggers nothing."""

    CHANGE = "change"
    DEFINITION = "definition"


@dataclass(frozen=True)
class Follower:
    """Somebody who wants to hear of comings and goings: ``segments()`` are the segments they follow now; asked often."""

    key: str
    segments: Callable[[], set[uuid.UUID]]
    order: int = 100


followed: Registry[Follower] = Registry()


def look(at: dt.datetime | None = None) -> bool:
    """Look at one followed segment whose time has come; false when there is none. What nobody follows is forgotten."""
    at = at or now()
    wanted = {segment for follower in followed for segment in follower.segments()}
    known = {row[0]: row[1:] for row in SegmentSnapshot.objects.values_list("segment__uuid", "pk", "due_at")}
    for segment in Segment.objects.filter(uuid__in=wanted - known.keys()) if wanted - known.keys() else ():
        snapshot, _new = SegmentSnapshot.objects.get_or_create(segment=segment, defaults={"due_at": at})
        known[segment.uuid] = (snapshot.pk, snapshot.due_at)
    for uuid_, (pk, due_at) in sorted(known.items()):
        if uuid_ not in wanted:
            _forget(pk)
        elif due_at <= at and _take(pk, at):
            return True
    return False


def _forget(snapshot: int) -> None:
    """So that whoever follows it later begins with those who are in it then, and hears of nobody who came meanwhile."""
    with transaction.atomic():
        Membership.objects.filter(segment__snapshot=snapshot).delete()
        SegmentSnapshot.objects.filter(pk=snapshot).delete()


def _take(pk: int, at: dt.datetime) -> bool:
    """Look at a segment, if it is still due; false when another process does."""
    if not SegmentSnapshot.objects.filter(pk=pk, due_at__lte=at).update(due_at=at + LEASE):
        return False
    snapshot = SegmentSnapshot.objects.select_related("segment").get(pk=pk)
    began = time.monotonic()
    try:
        definition = definition_of(snapshot.segment)
        if snapshot.taken_at is None:
            _begin(snapshot.segment, at)
        else:
            cause = Cause.CHANGE if definition == snapshot.definition else Cause.DEFINITION
            refresh(segment=snapshot.segment, at=at, cause=cause)
    except RuleError as error:
        logger.warning("Nobody joins or leaves the segment %s: %s", snapshot.segment, error)
        return True
    took = dt.timedelta(seconds=time.monotonic() - began)
    SegmentSnapshot.objects.filter(pk=pk).update(
        definition=definition, taken_at=at, due_at=at + max(OFTEN, SHARE * took)
    )
    return True


def definition_of(segment: Segment) -> str:
    """A hash of whom the segment means: its rule, and those of all segments that it names."""
    rules = dict(Segment.objects.order_by().values_list("uuid", "rule"))
    found: dict[str, Any] = {}
    waiting = [segment.uuid]
    while waiting:
        one = waiting.pop()
        if one in rules and str(one) not in found:
            found[str(one)] = rules[one]
            for name in named(rules[one], "segment"):
                with suppress(ValueError):  # What is no id names no segment.
                    waiting.append(uuid.UUID(name))
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


def _begin(segment: Segment, at: dt.datetime) -> None:
    """Note who is in it. They have not joined it just now, so nothing is told of them."""
    people, parameters = _people(segment, at)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO {Membership._meta.db_table} (segment_id, subscriber_id, joined_at)
            SELECT %s, people.id, {_instant()} FROM ({people}) AS people WHERE true
            ON CONFLICT DO NOTHING
            """,
            [segment.pk, connection.ops.adapt_datetimefield_value(at), *parameters],
        )


def refresh(*, segment: Segment, at: dt.datetime, cause: Cause = Cause.CHANGE) -> tuple[int, int]:
    """Bring the memberships up to date and record each coming and going; gives how many joined and left.

    Their events are called ``segment_joined`` and ``segment_left``, with the segment's id as subject; where the definition is
    the cause, they are historic and trigger nothing. Raises RuleError when the rule cannot be used any more.
    """
    people, parameters = _people(segment, at)
    table, moment = Membership._meta.db_table, connection.ops.adapt_datetimefield_value(at)
    left = _in_slices(
        f"""
        DELETE FROM {table} WHERE id IN (
            SELECT m.id FROM {table} AS m
             WHERE m.segment_id = %s
               AND NOT EXISTS (SELECT 1 FROM ({people}) AS people WHERE people.id = m.subscriber_id)
             LIMIT {SLICE})
        RETURNING subscriber_id
        """,
        [segment.pk, *parameters],
        lambda ids: _record(segment, "segment_left", ids, at, cause),
    )
    joined = _in_slices(
        f"""
        INSERT INTO {table} (segment_id, subscriber_id, joined_at)
        SELECT %s, people.id, {_instant()} FROM ({people}) AS people
         WHERE NOT EXISTS (
            SELECT 1 FROM {table} AS m WHERE m.segment_id = %s AND m.subscriber_id = people.id)
         LIMIT {SLICE}
        ON CONFLICT DO NOTHING RETURNING subscriber_id
        """,
        [segment.pk, moment, *parameters, segment.pk],
        lambda ids: _record(segment, "segment_joined", ids, at, cause),
    )
    return joined, left


def _people(segment: Segment, at: dt.datetime) -> tuple[str, Sequence[Any]]:
    """SQL that gives the ids of those whom the segment means."""
    meant = Subscriber.objects.present().filter(compile_rule(parse(segment.rule), as_of=at)).order_by()
    sql, parameters = meant.values("id").query.sql_with_params()
    return sql, parameters


def _in_slices(sql: str, parameters: Sequence[Any], record: Callable[[Sequence[int]], None]) -> int:
    """Run a statement that changes at most SLICE rows until there is nothing left to change; each with its events."""
    changed = 0
    while True:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                ids = [int(row[0]) for row in cursor.fetchall()]
            record(ids)
        changed += len(ids)
        if len(ids) < SLICE:
            return changed


def _record(segment: Segment, name: str, people: Sequence[int], at: dt.datetime, cause: Cause) -> None:
    record_events(
        events=[
            NewEvent(
                subscriber_id=person,
                name=name,
                subject=str(segment.uuid),
                occurred_at=at,
                source="segments",
                idempotency_key=f"{name}:{segment.uuid}:{person}:{at.isoformat()}",
                properties={"segment": segment.name, "cause": cause.value},
                historic=cause is Cause.DEFINITION,
            )
            for person in people
        ]
    )


def _instant() -> str:
    return "CAST(%s AS timestamptz)" if connection.vendor == "postgresql" else "%s"
