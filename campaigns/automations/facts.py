"""What a decision needs to know of the people at a step, read for all of them at once.

The number of statements depends on the step and the exits of its version, not on how many people there are.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Q

from campaigns.automations import dates
from campaigns.automations.effects import mailing_of
from campaigns.automations.flow import Moment, chance
from campaigns.automations.matching import EventFacts, ends, happened
from campaigns.automations.models import Enrolment
from campaigns.automations.nodes import (
    BranchStep,
    EventExit,
    MailStep,
    RuleExit,
    RuleJson,
    SplitStep,
    WaitDateStep,
    WaitForStep,
)
from campaigns.automations.timing import Clock, meant
from campaigns.automations.types import ExitReason, StepSkip
from campaigns.automations.walking import Group
from campaigns.delivery import ledger
from campaigns.delivery.types import SkipReason
from personalize.content import subjects
from personalize.core.database import among
from personalize.core.localtime import zone
from segments.events.models import Event
from segments.segmentation.rules.reading import MONEY
from segments.segmentation.services import condition

_LEAVES: Mapping[SkipReason, ExitReason] = {
    SkipReason.ERASED: ExitReason.SUPPRESSED,
    SkipReason.SUPPRESSED: ExitReason.SUPPRESSED,
    SkipReason.NO_CONSENT: ExitReason.NO_CONSENT,
}
"""What ends somebody's way before a mail. Who paused their mails is asked at the hand-over: a pause may be over by then."""


def leaving(group: Group) -> dict[int, str]:
    """Who of them leaves before the step is done, by enrolment, with the reason; the first that holds is said.

    Raises RuleError when an exit's rule cannot be asked any more: nobody is mailed while that is not known.
    """
    found: dict[int, str] = {}
    if isinstance(group.step, MailStep):
        found |= _may_not_be_mailed(group)
    events = _events_since(group, [exit for exit in group.definition.exits if isinstance(exit, EventExit)])
    for exit in group.definition.exits:
        if isinstance(exit, RuleExit):
            gone = _whom(group.ids, exit.rule, group.at)
        else:
            gone = {
                walker.pk
                for walker in group.people
                if any(ends(exit, event, walker.row) for event in events[walker.row.subscriber_id])
            }
        found = {**dict.fromkeys(gone, exit.reason), **found}
    if isinstance(group.step, MailStep) and group.definition.one_at_a_time:
        found = {**dict.fromkeys(_superseded(group), str(ExitReason.SUPERSEDED)), **found}
    return found


def moments(group: Group) -> dict[int, Moment]:
    """What is to be known of each, by enrolment. Raises RuleError when the step's rule cannot be asked any more."""
    step = group.step
    if isinstance(step, BranchStep | WaitForStep) and step.rule is not None:
        read_again(group)
    rule = step.rule if isinstance(step, BranchStep | WaitForStep) else None
    holds = _whom(group.ids, rule, group.at) if rule is not None else set()
    came = _awaited(group, step) if isinstance(step, WaitForStep) else set()
    skips = _skips(group, step) if isinstance(step, MailStep) else {}
    elsewhere = dates.brand_zone()
    known = dates.of(step.field, group.subscribers, elsewhere) if isinstance(step, WaitDateStep) else {}
    return {
        walker.pk: Moment(
            now=group.at,
            clock=Clock(
                walker.row.came_at,
                walker.row.started_at,
                walker.row.activity_at,
                zone(walker.row.subscriber.time_zone, elsewhere),
            ),
            due_at=walker.due_at,
            holds=walker.pk in holds,
            happened=walker.pk in came,
            skip=skips.get(walker.pk),
            date=(
                meant(group.definition.trigger, step.field, known.get(walker.row.subscriber_id), walker.row.context)
                if isinstance(step, WaitDateStep)
                else None
            ),
            chance=chance(walker.row.uuid, step.id) if isinstance(step, SplitStep) else 0,
        )
        for walker in group.people
    }


def _whom(ids: Sequence[int], rule: RuleJson, at: dt.datetime) -> set[int]:
    rows = Enrolment.objects.filter(pk__in=among(ids))
    holds = condition(rule=dict(rule), as_of=at, person="subscriber", few=True)
    return set(rows.filter(holds).values_list("pk", flat=True))


def _may_not_be_mailed(group: Group) -> dict[int, str]:
    mailing = mailing_of(group)
    if mailing is None:
        return {}
    found: dict[int, str] = {}
    for reason, why in ledger.refusals(mailing, person="subscriber", at=group.at):
        if reason in _LEAVES:
            refused = Enrolment.objects.filter(why, pk__in=among(group.ids)).values_list("pk", flat=True)
            found = {**dict.fromkeys(refused, str(_LEAVES[reason])), **found}
    return found


def _superseded(group: Group) -> set[int]:
    """Those of whom somebody else's place is newer: another way of the same person that was touched later and is not mailed."""
    others = Enrolment.objects.filter(
        automation_id=group.version.automation_id,
        subscriber__in=among(group.subscribers),
        ended_at__isnull=True,
        mailed_at__isnull=True,
    )
    latest: dict[int, tuple[dt.datetime, int]] = {}
    for person, activity_at, pk in others.values_list("subscriber_id", "activity_at", "pk"):
        latest[person] = max(latest.get(person, (activity_at, pk)), (activity_at, pk))
    return {
        walker.pk
        for walker in group.people
        if latest.get(walker.row.subscriber_id, (walker.row.activity_at, walker.pk))
        > (walker.row.activity_at, walker.pk)
    }


def _skips(group: Group, step: MailStep) -> dict[int, StepSkip]:
    """For whom the mail would have nothing to show of what it is about, or of too little worth."""
    mailing = mailing_of(group)
    about = {one.about for one in subjects.shows(mailing.version.blocks)} if mailing else set()
    least = None if step.minimum is None else int(step.minimum * MONEY)
    found: dict[int, StepSkip] = {}
    for pk, subject in _refreshed(group).items():
        if subject.nothing_left and subject.context.get("about") in about:
            found[pk] = StepSkip.NOTHING_LEFT
        elif least is not None and subject.total < least:
            found[pk] = StepSkip.BELOW_MINIMUM
    return found


def read_again(group: Group) -> None:
    """Bring what people came for up to date in their rows, so that rules ask about the cart as it is now."""
    changed = []
    for walker, subject in zip(group.people, _refreshed(group).values(), strict=True):
        if walker.row.context.get("about") and walker.row.context != subject.context:
            walker.row.context = subject.context
            changed.append(walker.row)
    Enrolment.objects.bulk_update(changed, ["context"], batch_size=200)


def _refreshed(group: Group) -> dict[int, subjects.Refreshed]:
    people = {walker.pk: walker.row.subscriber_id for walker in group.people}
    return subjects.refresh({walker.pk: walker.row.context for walker in group.people}, group.at, people)


def _awaited(group: Group, step: WaitForStep) -> set[int]:
    if step.match is None:
        return set()
    events = _events(group, step.match.names, min(walker.row.came_at for walker in group.people))
    return {
        walker.pk
        for walker in group.people
        if any(happened(step, event, walker.row) for event in events[walker.row.subscriber_id])
    }


def _events_since(group: Group, exits: Sequence[EventExit]) -> dict[int, list[EventFacts]]:
    if not exits:
        return defaultdict(list)
    names = frozenset().union(*(exit.match.names for exit in exits))
    back = max(exit.back.delta for exit in exits)
    return _events(group, names, min(walker.row.started_at for walker in group.people) - back)


def _events(group: Group, names: Iterable[str], since: dt.datetime) -> dict[int, list[EventFacts]]:
    """Stored events of these people, whether they were processed yet or not; shops' clocks may be wrong about when."""
    found: dict[int, list[EventFacts]] = defaultdict(list)
    lately = Q(occurred_at__gte=since) | Q(received_at__gte=since)
    rows = Event.objects.filter(lately, name__in=sorted(names), subscriber__in=among(set(group.subscribers)))
    columns: tuple[Any, ...] = tuple(EventFacts.__dataclass_fields__)
    for row in rows.order_by().values_list(*columns):
        facts = EventFacts(*row)
        found[facts.subscriber_id].append(facts)
    return found
