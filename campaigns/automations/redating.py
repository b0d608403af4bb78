"""What a corrected date, or another time zone, means for those who are on their way: they follow it until they are mailed."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.db import transaction

from campaigns.automations import dates
from campaigns.automations.models import AutomationVersion, Enrolment
from campaigns.automations.nodes import DateTrigger, Definition, Step, WaitDateStep, WaitForStep, WaitStep, WaitTimeStep
from campaigns.automations.published import definition_of
from campaigns.automations.timing import Clock, Occasion, PersonDate, meant, occasion, wait_is_over
from campaigns.automations.types import EnrolmentState, ExitReason
from personalize.core.database import among
from personalize.core.localtime import zone


@dataclass(frozen=True)
class _Known:
    """What is known of these people: dates by field and person, the entry keys of theirs that are taken, the brand's zone."""

    dates: Mapping[str, Mapping[int, PersonDate]]
    taken: set[tuple[int, int, str]]
    elsewhere: str


def follow_dates(*, people: Sequence[int], at: dt.datetime) -> int:
    """Let these people's open enrolments follow their dates as they are now; gives how many changed.

    Whoever came in for a date and was not mailed yet is where they would be had it always been this one: the whole way moves
    with it, and they leave when it is not known any more. Mailed or not, a wait for a date ends on the new one.
    """
    with transaction.atomic():
        open_ = Enrolment.objects.filter(subscriber__in=among(people), ended_at__isnull=True)
        definitions = {
            version.pk: definition
            for version in AutomationVersion.objects.filter(pk__in=open_.values("version"))
            if _fields(definition := definition_of(version))
        }
        if not definitions:
            return 0
        rows = open_.filter(version__in=definitions).select_related("subscriber").order_by("pk")
        enrolments = list(rows.select_for_update(of=("self",), no_key=True))
        known = _read(enrolments, definitions)
        changed = [one for one in enrolments if _follow(one, definitions[one.version_id], known, at)]
        Enrolment.objects.bulk_update(changed, _COLUMNS, batch_size=500)
    return len(changed)


_COLUMNS = (
    "entry_key",
    "place",
    "state",
    "reason",
    "due_at",
    "came_at",
    "started_at",
    "activity_at",
    "context",
    "ended_at",
)


def _fields(definition: Definition) -> set[str]:
    """The dates that a definition asks for."""
    found = {step.field for step in definition.steps.values() if isinstance(step, WaitDateStep)}
    return found | ({definition.trigger.field} if isinstance(definition.trigger, DateTrigger) else set())


def _read(enrolments: Sequence[Enrolment], definitions: Mapping[int, Definition]) -> _Known:
    asked: dict[str, set[int]] = defaultdict(set)
    for enrolment in enrolments:
        for field in _fields(definitions[enrolment.version_id]):
            asked[field].add(enrolment.subscriber_id)
    elsewhere = dates.brand_zone()
    theirs = Enrolment.objects.filter(
        automation__in={enrolment.automation_id for enrolment in enrolments},
        subscriber__in=among({enrolment.subscriber_id for enrolment in enrolments}),
    )
    return _Known(
        {field: dates.of(field, sorted(people), elsewhere) for field, people in asked.items()},
        set(theirs.values_list("automation_id", "subscriber_id", "entry_key")),
        elsewhere,
    )


def _follow(enrolment: Enrolment, definition: Definition, known: _Known, at: dt.datetime) -> bool:
    """Change the enrolment in hand; false when nothing about it is different."""
    before = (enrolment.started_at, enrolment.due_at)
    where = zone(enrolment.subscriber.time_zone, known.elsewhere)
    trigger = definition.trigger
    if isinstance(trigger, DateTrigger) and enrolment.mailed_at is None and "date" in enrolment.context:
        date = known.dates[trigger.field].get(enrolment.subscriber_id)
        year = dt.date.fromisoformat(enrolment.context["date"]).year
        kept = occasion(trigger, date, year, where) if date else None
        if kept is None or not _takes(enrolment, kept.key, known):
            _leave(enrolment, at)
            return True
        _move(enrolment, kept)
    _wait_anew(enrolment, definition, known, where)
    return before != (enrolment.started_at, enrolment.due_at)


def _takes(enrolment: Enrolment, key: str, known: _Known) -> bool:
    """Whether the enrolment may be for this key: it is already, or the person never came in for it."""
    its = (enrolment.automation_id, enrolment.subscriber_id, key)
    if key != enrolment.entry_key and its in known.taken:
        return False
    known.taken.add(its)
    return True


def _leave(enrolment: Enrolment, at: dt.datetime) -> None:
    enrolment.state, enrolment.reason = EnrolmentState.EXITED, ExitReason.DATE_GONE
    enrolment.ended_at, enrolment.due_at, enrolment.place = at, None, None


def _move(enrolment: Enrolment, kept: Occasion) -> None:
    """As if they had come in for the date as it is now."""
    by = kept.at - enrolment.started_at
    enrolment.started_at = kept.at
    enrolment.came_at += by
    enrolment.activity_at += by
    enrolment.entry_key = kept.key
    enrolment.context = {
        **enrolment.context,
        "at": kept.at.isoformat(),
        "date": kept.day.isoformat(),
        "years": kept.years,
    }
    if enrolment.state == EnrolmentState.ACTIVE and enrolment.due_at is not None:
        enrolment.due_at += by


def _wait_anew(enrolment: Enrolment, definition: Definition, known: _Known, where: ZoneInfo) -> None:
    step = definition.steps.get(enrolment.step)
    if enrolment.state == EnrolmentState.WAITING and step is not None:
        over = _over(enrolment, step, definition, known, where)
        enrolment.due_at = over or enrolment.due_at


def _over(
    enrolment: Enrolment, step: Step, definition: Definition, known: _Known, where: ZoneInfo
) -> dt.datetime | None:
    clock = Clock(enrolment.came_at, enrolment.started_at, enrolment.activity_at, where)
    match step:
        case WaitDateStep():
            date = known.dates[step.field].get(enrolment.subscriber_id)
            return wait_is_over(step, clock, meant(definition.trigger, step.field, date, enrolment.context))
        case WaitStep() | WaitTimeStep():
            return wait_is_over(step, clock)
        case WaitForStep():
            return enrolment.came_at + step.most.delta
    return None
