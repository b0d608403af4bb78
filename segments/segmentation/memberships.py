"""The rows of who is in a segment: told apart from whom its rule means, changed, and each change recorded as an event.

All but counting anew happens in the caller's transaction, which holds the segment's snapshot, so that nobody else changes
the rows.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.db import connection, transaction

from personalize.core.copy import stored_moment
from personalize.core.database import among, ids_parameter, ids_sql
from segments.events.services import record_events
from segments.events.types import NewEvent
from segments.segmentation.audience import people_of, planned
from segments.segmentation.models import Cause, Membership, Segment, SegmentSnapshot, SegmentTurn
from segments.segmentation.rules.compiler import compile_rule
from segments.segmentation.rules.kinds import Scope
from segments.segmentation.rules.nodes import Node
from segments.segmentation.rules.turns import NEVER, next_turn
from segments.segmentation.touching import quietly, touch
from segments.subscribers.models import Subscriber

SLICE = 20_000
"""How many comings or goings one transaction writes."""

MANY = 200
"""So many people are no longer looked up one by one, but their facts gathered."""

JOINED, LEFT = "segment_joined", "segment_left"
HISTORIC = frozenset({Cause.DEFINITION, Cause.IMPORT})
"""Causes that are no doing of the people, so that their events trigger nothing."""

_MEMBERS, _TURNS = Membership._meta.db_table, SegmentTurn._meta.db_table


def note_all(segment: Segment, node: Node, as_of: dt.datetime) -> None:
    """Note whoever is in it. They have not joined it just now, so nothing is told of them."""
    people, parameters = _people(node, as_of)
    Membership.objects.filter(segment=segment).delete()
    _run_on_all(
        f"""INSERT INTO {_MEMBERS} (segment_id, subscriber_id, joined_at)
            SELECT %s, people.id, {_instant()} FROM ({people}) AS people WHERE true""",
        [segment.pk, stored_moment(as_of), *parameters],
    )


def leave_slice(segment: Segment, node: Node, as_of: dt.datetime) -> list[int]:
    """Take out up to SLICE people who are not meant any more."""
    people, parameters = _people(node, as_of)
    return _run_on_all(
        f"""DELETE FROM {_MEMBERS} WHERE id IN (
                SELECT m.id FROM {_MEMBERS} AS m
                 WHERE m.segment_id = %s
                   AND NOT EXISTS (SELECT 1 FROM ({people}) AS people WHERE people.id = m.subscriber_id)
                 LIMIT {SLICE})
            RETURNING subscriber_id""",
        [segment.pk, *parameters],
    )


def join_slice(segment: Segment, node: Node, as_of: dt.datetime) -> list[int]:
    """Take in up to SLICE people who are meant and not in it yet."""
    people, parameters = _people(node, as_of)
    return _run_on_all(
        f"""INSERT INTO {_MEMBERS} (segment_id, subscriber_id, joined_at)
            SELECT %s, people.id, {_instant()} FROM ({people}) AS people
             WHERE NOT EXISTS (SELECT 1 FROM {_MEMBERS} AS m WHERE m.segment_id = %s AND m.subscriber_id = people.id)
             LIMIT {SLICE}
            ON CONFLICT DO NOTHING RETURNING subscriber_id""",
        [segment.pk, stored_moment(as_of), *parameters, segment.pk],
    )


def bring_up_to_date(
    segment: Segment, node: Node, as_of: dt.datetime, people: Collection[int]
) -> tuple[list[int], list[int]]:
    """Ask about these people alone; gives who joined and who left."""
    those = among(people) if len(people) >= MANY else None
    meant = Subscriber.objects.present().filter(pk__in=among(people)).order_by()
    with planned():
        meant = meant.filter(compile_rule(node, as_of=as_of, few=True, those=those, loose=True))
        inside = set(meant.values_list("pk", flat=True))
    members = Membership.objects.filter(segment=segment, subscriber__in=among(people)).order_by()
    before = set(members.values_list("subscriber_id", flat=True))
    left = sorted(before - inside)
    if left:
        Membership.objects.filter(segment=segment, subscriber__in=among(left)).delete()
    joined = sorted(inside - before)
    if joined:
        joined = _run(
            f"""INSERT INTO {_MEMBERS} (segment_id, subscriber_id, joined_at)
                SELECT %s, ids.id, {_instant()} FROM {ids_sql()} WHERE true
                ON CONFLICT DO NOTHING RETURNING subscriber_id""",
            [segment.pk, stored_moment(as_of), ids_parameter(joined)],
        )
    return joined, left


def recount(segments: Iterable[int]) -> None:
    """Count who is in some segments whose members are stored, in a transaction for each."""
    for segment in segments:
        with transaction.atomic():
            held = SegmentSnapshot.objects.select_for_update().filter(segment=segment, taken_at__isnull=False).first()
            if held:
                held.people = Membership.objects.filter(segment=segment).count()
                held.save(update_fields=["people"])


def set_turns(segment: Segment, node: Node, as_of: dt.datetime, people: Collection[int] | None = None) -> None:
    """Write down when time may next change these people's memberships, or everybody's."""
    asked, old = Subscriber.objects.present().order_by(), SegmentTurn.objects.filter(segment=segment)
    if people is not None:
        asked, old = asked.filter(pk__in=among(people)), old.filter(subscriber__in=among(people))
    old.delete()
    turn = next_turn(node, Scope(as_of, few=people is not None))
    if turn is None:
        return
    sql, parameters = asked.annotate(due=turn).values_list("pk", "due").query.sql_with_params()
    _run(
        f"""INSERT INTO {_TURNS} (segment_id, subscriber_id, due_at)
            WITH turns (id, due) AS MATERIALIZED ({sql})
            SELECT %s, id, due FROM turns WHERE due < {_instant()}""",
        [*parameters, segment.pk, stored_moment(NEVER)],
    )


def record(
    segment: Segment, name: str, people: Iterable[int], as_of: dt.datetime, cause: Cause, *, heard: bool
) -> None:
    """Record that people joined or left; their events' subject is the segment's id.

    ``heard`` says that a kept segment asks for such events, so that these people are to be asked about again.
    """
    told = [
        NewEvent(
            subscriber_id=person,
            name=name,
            subject=str(segment.uuid),
            occurred_at=as_of,
            source="segments",
            # They are written with the row that remembers them, so that nothing else need tell them apart.
            idempotency_key=f"{name}:{uuid.uuid4().hex}",
            properties={"segment": segment.name, "cause": cause.value},
            historic=cause in HISTORIC,
        )
        for person in people
    ]
    if told:
        with quietly():
            record_events(events=told)
        if heard:
            touch([event.subscriber_id for event in told])


def _people(node: Node, as_of: dt.datetime) -> tuple[str, Sequence[Any]]:
    """SQL that gives the ids of those whom the rule means."""
    sql, parameters = people_of(node, as_of=as_of).order_by().values("id").query.sql_with_params()
    return sql, parameters


def _run_on_all(sql: str, parameters: Sequence[Any]) -> list[int]:
    """Run a statement over everybody."""
    with planned():
        return _run(sql, parameters)


def _run(sql: str, parameters: Sequence[Any]) -> list[int]:
    """Run a statement; the ids that it returns, if any."""
    with connection.cursor() as cursor:
        cursor.execute(sql, list(parameters))
        return [int(row[0]) for row in cursor.fetchall()] if cursor.description else []


def _instant() -> str:
    return "CAST(%s AS timestamptz)" if connection.vendor == "postgresql" else "%s"
