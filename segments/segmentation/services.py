"""What can be done with segments: define them, change them, ask whom they mean."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.db import transaction
from django.db.models import F, Max, Min, Q
from django.utils.translation import gettext as _

from personalize.core import audit, clock, registries
from personalize.core.database import OutOfTime, time_limit
from personalize.core.registries import Use
from segments.segmentation import counting
from segments.segmentation.audience import people_of, planned
from segments.segmentation.definitions import Definitions
from segments.segmentation.models import Segment, SegmentMode, SegmentSnapshot
from segments.segmentation.rules.compiler import compile_rule
from segments.segmentation.rules.parse import parse
from segments.segmentation.rules.vocabulary import NOTHING_FROZEN, Frozen, Vocabulary
from segments.subscribers.models import Subscriber
from segments.subscribers.querysets import SubscriberQuerySet

SOON = 0.5
"""So many seconds people are asked one after the other for some whom a rule means."""


class Refused(Enum):
    """Why nothing was done to a segment."""

    CHANGED_MEANWHILE = "changed_meanwhile"
    NO_SNAPSHOT = "no_snapshot"


@dataclass(frozen=True)
class Used:
    """Why a segment was not deleted: what uses it, each as (label, state, url)."""

    by: list[Use]

    def __str__(self) -> str:
        names = ", ".join(f"‘{label}’" for label, _state, _url in self.by)
        return _("The segment is used by %(names)s.") % {"names": names}


def audience(
    *, rule: dict[str, Any], as_of: dt.datetime, few: bool = False, frozen: Frozen = NOTHING_FROZEN
) -> SubscriberQuerySet:
    """The people a rule means, erased ones left out; orders count as they were at ``as_of``. Raises RuleError.

    ``few`` says that the caller will ask about few of them, such as one slice of all. ``frozen`` are segments that are to be
    read as ``freeze`` found them.
    """
    return people_of(parse(rule, vocabulary=Vocabulary.of(frozen=frozen)), as_of=as_of, few=few)


def condition(
    *, rule: dict[str, Any], as_of: dt.datetime, person: str = "", few: bool = False, frozen: Frozen = NOTHING_FROZEN
) -> Q:
    """The rule as a condition on rows that lead to a person by the path ``person``. Raises RuleError.

    ``few`` says that there are few such rows; ``frozen`` is as in ``audience``.
    """
    node = parse(rule, vocabulary=Vocabulary.of(frozen=frozen))
    return Q(compile_rule(node, as_of=as_of, person=person, few=few))


def freeze(*, rules: Iterable[dict[str, Any] | None]) -> dict[str, dict[str, Any]]:
    """The segments that rules name, directly or by others, as they are defined now: JSON for a later ``frozen``."""
    return Definitions().behind(rules)


def count(*, rule: dict[str, Any], as_of: dt.datetime) -> int:
    """How many people a rule means; one query over the people. Raises RuleError."""
    return counting.count(node=parse(rule), as_of=as_of)


def some_of(*, rule: dict[str, Any], as_of: dt.datetime, turn: int, most: int) -> list[Subscriber]:
    """Some of the people a rule means, others at each ``turn``, of all ages of acquaintance alike. Raises RuleError.

    Where many are meant, asking one person after the other soon finds enough; where few are, the list of all is made.
    """
    node, ends = parse(rule), Subscriber.objects.aggregate(first=Min("pk"), last=Max("pk"))
    if ends["first"] is None:
        return []
    # The golden ratio spreads the turns evenly however many there are.
    share = turn * 0.618034 % 1
    start = ends["first"] + int((ends["last"] - ends["first"] + 1) * share)
    with planned():
        try:
            with time_limit(SOON):
                return _around(people_of(node, as_of=as_of, few=True), start, most)
        except OutOfTime:
            return _around(people_of(node, as_of=as_of), start, most)


def _around(people: SubscriberQuerySet, start: int, most: int) -> list[Subscriber]:
    """The first people from an id on, and then from the beginning."""
    found = list(people.filter(pk__gte=start).order_by("pk")[:most])
    return [*found, *people.filter(pk__lt=start).order_by("pk")[: most - len(found)]]


@transaction.atomic
def create_segment(
    *, name: str, rule: dict[str, Any], actor: Any, description: str = "", mode: str = SegmentMode.LIVE
) -> Segment:
    """Define a segment. Raises RuleError when the rule cannot be used, IntegrityError when the name is taken."""
    _one_at_a_time()
    check_rule(rule)
    now = clock.now()
    segment = Segment.objects.create(
        name=name,
        description=description,
        rule=rule,
        mode=mode,
        created_by=actor if getattr(actor, "pk", None) else None,
        created_at=now,
        updated_at=now,
    )
    audit.record(actor=actor, action="segment.edit", target=segment, created=True)
    return segment


@transaction.atomic
def update_segment(
    *,
    segment: Segment,
    lock_version: int,
    name: str,
    rule: dict[str, Any],
    actor: Any,
    description: str = "",
    mode: str | None = None,
) -> Segment | Refused:
    """Change a segment, unless somebody did since ``lock_version`` was read; its ``mode`` stays where none is given.

    Raises RuleError, as for a new one.
    """
    _one_at_a_time()
    check_rule(rule, of=segment.uuid)
    other = {"mode": mode} if mode else {}
    changed = Segment.objects.filter(pk=segment.pk, lock_version=lock_version).update(
        name=name,
        description=description,
        rule=rule,
        **other,
        updated_at=clock.now(),
        lock_version=F("lock_version") + 1,
    )
    if not changed:
        return Refused.CHANGED_MEANWHILE
    segment.refresh_from_db()
    audit.record(actor=actor, action="segment.edit", target=segment, created=False)
    return segment


@transaction.atomic
def take_again(*, segment: Segment, actor: Any) -> Refused | None:
    """Have a snapshot taken within seconds, by whoever does the background work; only snapshots are ever taken."""
    if segment.mode != SegmentMode.SNAPSHOT:
        return Refused.NO_SNAPSHOT
    at = clock.now()
    snapshot, new = SegmentSnapshot.objects.get_or_create(segment=segment, defaults={"due_at": at})
    if not new:
        SegmentSnapshot.objects.filter(pk=snapshot.pk).update(due_at=at, asked=F("asked") + 1)
    audit.record(actor=actor, action="segment.take", target=segment)
    return None


@transaction.atomic
def delete_segment(*, segment: Segment, actor: Any, lock_version: int | None = None) -> Refused | Used | None:
    """Delete a segment that nothing uses; also refused when somebody changed it since ``lock_version`` was read."""
    _one_at_a_time()
    if uses := registries.uses_of("segment", segment):
        return Used(uses)
    if lock_version is not None and not Segment.objects.filter(pk=segment.pk, lock_version=lock_version).exists():
        return Refused.CHANGED_MEANWHILE
    audit.record(actor=actor, action="segment.delete", target=segment)
    segment.delete()
    return None


def _one_at_a_time() -> None:
    """Wait for whoever edits a segment now: two edits at once could close a circle that neither of them sees."""
    list(Segment.objects.select_for_update().order_by("pk").values_list("pk", flat=True))


def check_rule(rule: Any, *, of: uuid.UUID | None = None) -> None:
    """Raise RuleError unless the rule can be used, by the segment ``of`` in particular, which it may not contain."""
    parse(rule, vocabulary=Vocabulary.of(inside=(of,) if of else ()))
