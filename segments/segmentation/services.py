"""What can be done with segments: define them, change them, ask whom they mean."""

from __future__ import annotations

import datetime as dt
import uuid
from enum import Enum
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from personalize.core import audit, clock
from segments.segmentation import counting
from segments.segmentation.audience import people_of
from segments.segmentation.models import Segment
from segments.segmentation.rules.compiler import compile_rule
from segments.segmentation.rules.parse import parse
from segments.segmentation.rules.vocabulary import Vocabulary
from segments.subscribers.querysets import SubscriberQuerySet


class Refused(Enum):
    """Why a segment was not changed."""

    CHANGED_MEANWHILE = "changed_meanwhile"


def audience(*, rule: dict[str, Any], as_of: dt.datetime, few: bool = False) -> SubscriberQuerySet:
    """The people a rule means, erased ones left out; orders count as they were at ``as_of``. Raises RuleError.

    ``few`` says that the caller will ask about few of them, such as one slice of all.
    """
    return people_of(parse(rule), as_of=as_of, few=few)


def condition(*, rule: dict[str, Any], as_of: dt.datetime, person: str = "", few: bool = False) -> Q:
    """The rule as a condition on rows that lead to a person by the path ``person``. Raises RuleError.

    ``few`` says that there are few such rows.
    """
    return Q(compile_rule(parse(rule), as_of=as_of, person=person, few=few))


def count(*, rule: dict[str, Any], as_of: dt.datetime) -> int:
    """How many people a rule means; one query over the people. Raises RuleError."""
    return counting.count(node=parse(rule), as_of=as_of)


@transaction.atomic
def create_segment(*, name: str, rule: dict[str, Any], actor: Any, description: str = "") -> Segment:
    """Define a segment. Raises RuleError when the rule cannot be used, IntegrityError when the name is taken."""
    parse(rule)
    now = clock.now()
    segment = Segment.objects.create(
        name=name,
        description=description,
        rule=rule,
        created_by=actor if getattr(actor, "pk", None) else None,
        created_at=now,
        updated_at=now,
    )
    audit.record(actor=actor, action="segment.edit", target=segment, created=True)
    return segment


@transaction.atomic
def update_segment(
    *, segment: Segment, lock_version: int, name: str, rule: dict[str, Any], actor: Any, description: str = ""
) -> Segment | Refused:
    """Change a segment, unless somebody did since ``lock_version`` was read. Raises RuleError, as for a new one."""
    check_rule(rule, of=segment.uuid)
    changed = Segment.objects.filter(pk=segment.pk, lock_version=lock_version).update(
        name=name, description=description, rule=rule, updated_at=clock.now(), lock_version=F("lock_version") + 1
    )
    if not changed:
        return Refused.CHANGED_MEANWHILE
    segment.refresh_from_db()
    audit.record(actor=actor, action="segment.edit", target=segment, created=False)
    return segment


def check_rule(rule: Any, *, of: uuid.UUID | None = None) -> None:
    """Raise RuleError unless the rule can be used, by the segment ``of`` in particular, which it may not contain."""
    parse(rule, vocabulary=Vocabulary.of(inside=(of,) if of else ()))
