"""Keeping who is in a segment: who joined, who left and why, within seconds of what made them.

A segment is kept when its mode says so or somebody follows it. Whoever was touched is asked about again, and whoever's turn
has come because time passed; everybody is when the segment means others, after a large import, and once a night to make
sure. Each coming and going is an event, written with the row that remembers it.

Many processes may look. A sweep holds the rows of all kept segments, a look at everybody that of its own until it is
through: so whoever is taken off the queue is asked about by everyone who comes after, and nobody comes or goes twice.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from django.db import DataError, connection, transaction
from django.db.models import F, Q, QuerySet

from personalize.core import localtime
from personalize.core.clock import now
from personalize.core.database import skip_locked_sql
from personalize.core.registries import Registry
from segments.segmentation import history, memberships
from segments.segmentation.audience import people_of, planned
from segments.segmentation.counting import count
from segments.segmentation.definitions import Definitions
from segments.segmentation.memberships import JOINED, LEFT
from segments.segmentation.models import Cause, Membership, Segment, SegmentMode, SegmentSnapshot, SegmentTurn
from segments.segmentation.models import TouchedPerson as Touched
from segments.segmentation.rules.parse import RuleError, parse
from segments.segmentation.touching import touch

logger = logging.getLogger(__name__)

MOST = 10_000
"""How many touched people, and how many whose turn has come, one sweep takes."""

OFTEN = dt.timedelta(minutes=1)
"""How soon everybody is asked about again, however little that costs."""

SHARE = 20
"""Everybody is asked about again after so many times as long as that took."""

SETTLED = dt.timedelta(minutes=1)
"""After which everybody is asked about once more when a segment is first kept: for whatever was under way just then."""

LEASE = dt.timedelta(minutes=15)
"""After which somebody else takes up what a process did not live to end."""

PATIENCE = dt.timedelta(minutes=5)
"""How long looking at everybody waits for a sweep that finds nobody any more."""

NIGHT = dt.time(3)
"""When, by the shop's clock, everybody is asked about to make sure, snapshots are taken and the others counted."""


@dataclass(frozen=True)
class Follower:
    """Somebody who wants to hear of comings and goings: ``segments()`` are the segments they follow now; asked often."""

    key: str
    segments: Callable[[], set[uuid.UUID]]
    order: int = 100


followed: Registry[Follower] = Registry()


@dataclass(frozen=True)
class Taken:
    """What came of asking about everybody."""

    people: int
    joined: int
    left: int
    seconds: float


def look(at: dt.datetime | None = None) -> bool:
    """Do some of what is due; false when nothing is."""
    at = at or now()
    definitions = Definitions()
    _settle_who_is_kept(at, definitions)
    due = SegmentSnapshot.objects.filter(due_at__lte=at).exclude(busy_until__gt=at).order_by("due_at", "pk")
    # First what makes people be asked about by a new rule, or else they would seem to come and go by themselves.
    pressing = due.filter(Q(why=Cause.DEFINITION) | Q(kept=True, taken_at=None) | Q(due_at__lte=at - PATIENCE))
    return _take_one(pressing.first(), at) or sweep(at) or _take_one(due.first(), at)


def _settle_who_is_kept(at: dt.datetime, definitions: Definitions) -> None:
    """Begin with the segments that are kept from now on, let go of others, and see which mean others than they did."""
    wanted = {segment for follower in followed for segment in follower.segments()}
    for segment in Segment.objects.select_related("snapshot").order_by("pk"):
        keep = segment.mode == SegmentMode.INCREMENTAL or segment.uuid in wanted
        snapshot = getattr(segment, "snapshot", None)
        if snapshot is None:
            SegmentSnapshot.objects.get_or_create(segment=segment, defaults={"due_at": at, "kept": keep})
        elif keep != snapshot.kept:
            _begin_with(snapshot, at) if keep else _let_go(snapshot, segment)
        elif keep and not (snapshot.why == Cause.DEFINITION and snapshot.due_at <= at):
            meant = definitions.of(segment.uuid)
            if snapshot.definition not in (meant, _broken(meant)):
                _ask_for(SegmentSnapshot.objects.filter(pk=snapshot.pk), Cause.DEFINITION, at)
        elif not keep and segment.mode == SegmentMode.LIVE and snapshot.taken_at:
            _let_go(snapshot, segment)
        elif segment.mode == SegmentMode.SNAPSHOT and not snapshot.taken_at and snapshot.counted_at:
            # It was live until now. Looked at at once, for until then its rule is asked.
            SegmentSnapshot.objects.filter(pk=snapshot.pk).update(due_at=at, counted_at=None)


def _begin_with(snapshot: SegmentSnapshot, at: dt.datetime) -> None:
    SegmentSnapshot.objects.filter(pk=snapshot.pk, kept=False).update(
        kept=True, taken_at=None, definition="", due_at=at, why="", asked=F("asked") + 1
    )


def _let_go(snapshot: SegmentSnapshot, segment: Segment) -> None:
    """Keep it no more; so whoever follows it later begins with those who are in it then.

    Who was in a snapshot remains as its answer.
    """
    with transaction.atomic():
        held = SegmentSnapshot.objects.select_for_update().get(pk=snapshot.pk)
        SegmentTurn.objects.filter(segment=segment).delete()
        held.kept, held.why = False, ""
        if segment.mode != SegmentMode.SNAPSHOT:
            Membership.objects.filter(segment=segment).delete()
            held.taken_at, held.definition = None, ""
        held.save(update_fields=["kept", "why", "taken_at", "definition"])


_WEIGHT = ["", Cause.DATA, Cause.IMPORT, Cause.DEFINITION]


def _ask_for(snapshots: QuerySet[SegmentSnapshot], cause: Cause, at: dt.datetime) -> None:
    """Have everybody asked about again, for this cause or a weightier one; not all the time, unless the rule is new."""
    for one in snapshots:
        earliest = at
        if one.taken_at and cause is not Cause.DEFINITION:
            earliest = max(at, one.taken_at + _pause(dt.timedelta(milliseconds=one.took_ms or 0)))
        why = max(one.why, cause.value, key=_WEIGHT.index)
        SegmentSnapshot.objects.filter(pk=one.pk).update(
            why=why, asked=F("asked") + 1, due_at=earliest if not one.why else min(earliest, one.due_at)
        )


def _pause(took: dt.timedelta) -> dt.timedelta:
    return max(OFTEN, SHARE * took)


def _broken(definition: str) -> str:
    """What is stored of a definition that cannot be used: until it changes, or the next night, it is left alone."""
    return f"!{definition[1:]}"


def sweep(at: dt.datetime) -> bool:
    """Ask again about the people who were touched and those whose turn has come; false when there are none."""
    if not SegmentSnapshot.objects.filter(kept=True).exists():
        # What was touched when some were kept is nobody's business any more.
        return bool(Touched.objects.filter(at__lt=at - SETTLED).delete()[0])
    if not Touched.objects.exists() and not SegmentTurn.objects.filter(due_at__lte=at).exists():
        return False
    with transaction.atomic():
        kept = SegmentSnapshot.objects.filter(kept=True)
        held = list(kept.select_for_update(skip_locked=True, of=("self",)).select_related("segment").order_by("pk"))
        if len(held) < kept.count():
            return False  # Somebody else is at it.
        definitions = Definitions()
        asked = {
            one.segment_id: one for one in held if one.taken_at and one.definition == definitions.of(one.segment.uuid)
        }
        as_of = max([at, *(one.counted_at for one in held if one.counted_at)])
        touched = _take_touched(kept, at)
        waiting: dict[int, set[int]] = defaultdict(set)
        turns = SegmentTurn.objects.filter(due_at__lte=as_of).order_by("due_at")
        for segment, person in turns.values_list("segment_id", "subscriber_id")[:MOST]:
            waiting[segment].add(person)
        heard = _is_heard()
        for segment_id, snapshot in asked.items():
            if people := touched.keys() | waiting[segment_id]:
                _ask_about(snapshot, people, touched, as_of, heard)
        # Of segments that wait for everybody to be asked about, turns that have come are of no use.
        gone = waiting.keys() - asked.keys()
        SegmentTurn.objects.filter(segment__in=gone, due_at__lte=as_of).delete()
    return True


def _take_touched(kept: QuerySet[SegmentSnapshot], at: dt.datetime) -> dict[int, Cause]:
    """Take people off the queue, with what touched them; what they did themselves counts more than a file."""
    with connection.cursor() as cursor:
        table = Touched._meta.db_table
        cursor.execute(
            f"""DELETE FROM {table} WHERE id IN (
                    SELECT id FROM {table} ORDER BY id LIMIT %s {skip_locked_sql()})
                RETURNING subscriber_id, cause""",
            [MOST],
        )
        rows = cursor.fetchall()
    for cause in {Cause(cause) for person, cause in rows if person is None}:
        _ask_for(kept, cause, at)
    found: dict[int, Cause] = {}
    for person, cause in rows:
        if person is not None and found.get(person) is not Cause.DATA:
            found[person] = Cause(cause)
    return found


def _ask_about(
    snapshot: SegmentSnapshot, people: set[int], touched: dict[int, Cause], as_of: dt.datetime, heard: bool
) -> None:
    segment = snapshot.segment
    try:
        with transaction.atomic():
            node = parse(segment.rule)
            joined, left = memberships.bring_up_to_date(segment, node, as_of, people)
            memberships.set_turns(segment, node, as_of, people)
            for name, moved in ((JOINED, joined), (LEFT, left)):
                by_cause: dict[Cause, list[int]] = defaultdict(list)
                for person in moved:
                    by_cause[touched.get(person, Cause.TIME)].append(person)
                for cause, some in by_cause.items():
                    memberships.record(segment, name, some, as_of, cause, heard=heard)
            changed = len(joined) - len(left)
            SegmentSnapshot.objects.filter(pk=snapshot.pk).update(counted_at=as_of, people=F("people") + changed)
    except (RuleError, DataError) as error:
        _set_aside(snapshot, error, tonight(as_of))


def _set_aside(snapshot: SegmentSnapshot, error: Exception, due_at: dt.datetime) -> None:
    """A segment that cannot be asked about stops no other; when it can again, everybody is."""
    logger.warning("Nobody joins or leaves the segment %s: %s", snapshot.segment, error)
    SegmentSnapshot.objects.filter(pk=snapshot.pk).update(
        definition=_broken(Definitions().of(snapshot.segment.uuid)),
        why=Cause.DEFINITION if snapshot.kept else "",
        due_at=due_at,
        busy_until=None,
    )


def _is_heard() -> bool:
    """Whether a segment may ask who joined or left another."""
    rules = map(str, Segment.objects.order_by().values_list("rule", flat=True))
    return any(name in rule for rule in rules for name in (JOINED, LEFT))


def _take_one(snapshot: SegmentSnapshot | None, at: dt.datetime) -> bool:
    """Look at everybody of a segment whose time has come; false when there is none."""
    if snapshot is None:
        return False
    free = SegmentSnapshot.objects.filter(pk=snapshot.pk, due_at__lte=at).exclude(busy_until__gt=at)
    if free.update(busy_until=at + LEASE):
        take(segment=Segment.objects.get(pk=snapshot.segment_id), at=at)
    return True


def take(*, segment: Segment, at: dt.datetime) -> Taken | RuleError | DataError:
    """Ask about everybody now, whatever the segment's mode, and write down what its mode keeps.

    A live segment is only counted. Of a kept one, comings and goings are recorded; of a snapshot alone they are not.
    """
    snapshot, _new = SegmentSnapshot.objects.get_or_create(segment=segment, defaults={"due_at": at})
    began = time.monotonic()
    try:
        if snapshot.kept or segment.mode == SegmentMode.SNAPSHOT:
            return _take(segment, snapshot, at, began)
        with transaction.atomic():
            people = count(node=parse(segment.rule), as_of=at)
            _finish(snapshot, at, people, began, due_at=tonight(at), why="")
    except (RuleError, DataError) as error:
        _set_aside(snapshot, error, tonight(at))
        return error
    return Taken(people, 0, 0, time.monotonic() - began)


def foresee(*, segment: Segment, at: dt.datetime) -> Taken | RuleError | DataError:
    """What ``take`` would find, with nothing written."""
    began = time.monotonic()
    try:
        with planned():
            meant = people_of(parse(segment.rule), as_of=at)
            people = meant.count()
            if not SegmentSnapshot.objects.filter(segment=segment, taken_at__isnull=False).exists():
                return Taken(people, 0, 0, time.monotonic() - began)
            members = Membership.objects.filter(segment=segment)
            stayed = meant.filter(pk__in=members.values("subscriber")).count()
    except (RuleError, DataError) as error:
        return error
    return Taken(people, people - stayed, members.count() - stayed, time.monotonic() - began)


def _take(segment: Segment, snapshot: SegmentSnapshot, at: dt.datetime, began: float) -> Taken:
    joined = left = 0
    while True:
        with transaction.atomic():
            # Held to the end of this slice; the last one sees for itself that nothing is left to do.
            held = SegmentSnapshot.objects.select_for_update().get(pk=snapshot.pk)
            segment.refresh_from_db()
            definition, node = Definitions().of(segment.uuid), parse(segment.rule)
            as_of = max(at, held.counted_at) if held.kept and held.counted_at else at
            first = held.taken_at is None
            if first:
                memberships.note_all(segment, node, as_of)
            else:
                gone, come = (step(segment, node, as_of) for step in (memberships.leave_slice, memberships.join_slice))
                _tell(segment, held, gone, come, as_of)
                joined, left = joined + len(come), left + len(gone)
                if max(len(gone), len(come)) >= memberships.SLICE:
                    continue
            if held.kept:
                memberships.set_turns(segment, node, as_of)
            people = Membership.objects.filter(segment=segment).count()
            _end(held, snapshot, as_of, definition, people, began)
        break
    if held.kept and not first and not snapshot.why and joined + left:
        logger.warning("Of the segment %s, %d had joined and %d left unnoticed.", segment, joined, left)
    return Taken(people, joined, left, time.monotonic() - began)


def _tell(segment: Segment, held: SegmentSnapshot, gone: list[int], come: list[int], as_of: dt.datetime) -> None:
    if held.kept:
        cause = Cause(held.why or Cause.DATA)
        for name, people in ((LEFT, gone), (JOINED, come)):
            memberships.record(segment, name, people, as_of, cause, heard=_is_heard())
    else:
        # Segments that ask who was in the snapshot have to ask again.
        touch([*gone, *come])


def _end(
    held: SegmentSnapshot, begun: SegmentSnapshot, as_of: dt.datetime, definition: str, people: int, began: float
) -> None:
    """Everybody was asked about; again tonight, unless somebody wanted it since we began."""
    due_at, why = tonight(as_of), ""
    if held.asked != begun.asked:
        took = dt.timedelta(seconds=time.monotonic() - began)
        due_at, why = as_of + _pause(took), held.why
    elif held.kept and held.taken_at is None:
        due_at, why = as_of + SETTLED, Cause.DATA
    _finish(held, as_of, people, began, due_at=due_at, why=why, definition=definition, taken_at=as_of)


def _finish(snapshot: SegmentSnapshot, as_of: dt.datetime, people: int, began: float, **changes: object) -> None:
    took = round((time.monotonic() - began) * 1000)
    SegmentSnapshot.objects.filter(pk=snapshot.pk).update(
        counted_at=as_of, people=people, took_ms=took, busy_until=None, **changes
    )
    history.note(snapshot.segment_id, as_of, people)


def tonight(at: dt.datetime) -> dt.datetime:
    """The next instant at which the shop's clocks show NIGHT."""
    zone = localtime.zone(history.shop_zone())
    days = (at.astimezone(zone).date() + dt.timedelta(days=number) for number in (0, 1, 2))
    return next(moment for day in days if (moment := localtime.instant(day, NIGHT, zone)) > at)
