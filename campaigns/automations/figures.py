"""How many people are where in an automation, and what became of those of the last thirty days; counted from rows.

The number of queries is the same however many people there are.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.db.models.fields.json import KT

from campaigns.automations.layout import START
from campaigns.automations.models import Automation, Enrolment, LeftOut, StepVisit
from campaigns.automations.outline import Outline
from campaigns.automations.services import mail_ids
from campaigns.automations.types import OPEN, OWNER_KIND, EnrolmentState, Visit
from campaigns.delivery.models import Message
from campaigns.delivery.types import MessageState

SPAN = dt.timedelta(days=30)


@dataclass
class StepFigures:
    """One step: who is ``here`` now, ``held`` of them, and of the last thirty days what became of people at it, by outcome,
    the mails ``sent`` and of those ``clicked``, who left at it, by reason, and who took which way of a split."""

    here: int = 0
    held: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    ways: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    clicked: int = 0
    exits: Counter[str] = field(default_factory=Counter)

    @property
    def met(self) -> int:
        """Whoever got past the step."""
        return self.outcomes.total()


@dataclass
class Figures:
    """A whole automation; ``came`` are the enrolments of the last thirty days, of so many ``people``."""

    steps: dict[str, StepFigures]
    inside: int = 0
    held: int = 0
    came: int = 0
    people: int = 0
    left_out: int = 0
    done: int = 0

    def of(self, step: str) -> StepFigures:
        return self.steps.get(step) or StepFigures()

    def on_the_ways(self, outline: Outline) -> dict[tuple[str, str], int]:
        """How many took each way (step, outlet); (START, "next") are those who came in."""
        found = {(START, "next"): self.came}
        for item in outline.items.values():
            at = self.of(item.id)
            for outlet in item.outlets:
                found[item.id, outlet] = _taken(item.type, outlet, at) if item.forks else at.met
        return found


def _taken(kind: str, outlet: str, at: StepFigures) -> int:
    match kind, outlet:
        case "branch", _:
            return at.outcomes[Visit.YES if outlet == "next" else Visit.NO]
        case "wait_for", _:
            return at.outcomes[Visit.HAPPENED if outlet == "next" else Visit.TIMED_OUT]
        case "split", _:
            return at.ways[outlet]
    return at.met


def figures(automation: Automation, *, at: dt.datetime) -> Figures:
    """The figures of an automation over all its versions, as of ``at``."""
    since = at - SPAN
    steps: dict[str, StepFigures] = {}

    def step(id: str) -> StepFigures:
        return steps.setdefault(id, StepFigures())

    found = Figures(steps)
    rows = Enrolment.objects.filter(automation=automation)
    for id, state, n in rows.filter(state__in=OPEN).values_list("step", "state").annotate(n=Count("pk")).order_by():
        found.inside += n
        step(id).here += n
        if state == EnrolmentState.HELD:
            found.held += n
            step(id).held += n
    entered = rows.filter(created_at__gte=since).aggregate(came=Count("pk"), people=Count("subscriber", distinct=True))
    found.came, found.people = entered["came"], entered["people"]
    ended = rows.filter(ended_at__gte=since)
    left = ended.filter(state__in=(EnrolmentState.EXITED, EnrolmentState.FAILED))
    for id, reason, n in left.values_list("step", "reason").annotate(n=Count("pk")).order_by():
        step(id).exits[reason] += n
    found.done = ended.filter(state=EnrolmentState.DONE).count()
    found.left_out = LeftOut.objects.filter(automation=automation, at__gte=since).count()
    visits = StepVisit.objects.filter(enrolment__automation=automation, at__gte=since).order_by()
    for id, outcome, n in visits.values_list("step", "outcome").annotate(n=Count("pk")):
        step(id).outcomes[outcome] += n
    split = visits.filter(outcome=Visit.WAY).annotate(way=KT("detail__way"))
    for id, way, n in split.values_list("step", "way").annotate(n=Count("pk")):
        step(id).ways[f"way{way}"] += n
    for id, sent, clicked in _mails(automation, since):
        step(id).sent += sent
        step(id).clicked += clicked
    return found


def _mails(automation: Automation, since: dt.datetime) -> list[tuple[str, int, int]]:
    owners = mail_owners(automation)
    rows = (
        messages(list(owners))
        .filter(state=MessageState.SENT, created_at__gte=since)
        .order_by()
        .values_list("mailing__owner")
        .annotate(sent=Count("pk"), clicked=Count("pk", filter=Q(clicked_at__isnull=False)))
    )
    return [(owners[owner], sent, clicked) for owner, sent, clicked in rows]


def mail_owners(automation: Automation) -> dict[UUID, str]:
    """The id of the step by the owner of its mailing, over all versions."""
    versions = automation.versions.all()
    return {version.step_owner(id): id for version in versions for id in mail_ids(version.definition)}


def messages(owners: Sequence[UUID]) -> QuerySet[Message]:
    """The messages of the mailings of these owners."""
    return Message.objects.filter(mailing__owner_kind=OWNER_KIND, mailing__owner__in=owners)


def inside_by_version(automation: Automation) -> dict[int, int]:
    """How many people are in each version now, by its primary key."""
    rows = Enrolment.objects.filter(automation=automation, state__in=OPEN).order_by()
    return dict(rows.values_list("version").annotate(n=Count("pk")))
