"""What happens to a person at a step: the one place that decides it, for those who are mailed and for a simulation alike.

Pure; whoever asks brings what the decision needs, and carries it out.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from campaigns.automations import timing
from campaigns.automations.nodes import (
    BranchStep,
    ExitStep,
    MailStep,
    SplitStep,
    Step,
    WaitDateStep,
    WaitForStep,
    WaitStep,
    WaitTimeStep,
)
from campaigns.automations.timing import Clock, PersonDate
from campaigns.automations.types import StepSkip, Visit


@dataclass(frozen=True)
class Moment:
    """One person at one step, now.

    ``due_at`` is when they were to go on (their coming, at a step that does not wait). ``holds`` is whether the step's rule
    is true of them, ``happened`` whether the awaited event came since they did; ``skip`` why their mail has nothing to say.
    ``chance`` is from 0 to 99, always the same for one enrolment and step.
    """

    now: dt.datetime
    clock: Clock
    due_at: dt.datetime
    holds: bool = False
    happened: bool = False
    skip: StepSkip | None = None
    date: PersonDate | None = None
    chance: int = 0


@dataclass(frozen=True)
class Decision:
    """``outcome`` None: they stay until ``due_at``, at the latest. Otherwise they go on to ``next`` ("": the end), or leave
    for the reason ``leaves``. ``acts`` says that the step's effect (a mail, an attribute, a call) is to be done.

    Who passes a step with a ``due_at`` was due to do so then, however late they came to it: what follows is as late.
    """

    outcome: Visit | None
    next: str = ""
    due_at: dt.datetime | None = None
    acts: bool = False
    leaves: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


def decide(step: Step, moment: Moment) -> Decision:
    """What happens to the person now."""
    match step:
        case WaitStep() | WaitTimeStep() | WaitDateStep():
            over = timing.wait_is_over(step, moment.clock, moment.date)
            if over > moment.now:
                return Decision(None, due_at=over)
            # A date does not move with who comes to it: its mail is late from then on, and a series of them no burst.
            return Decision(Visit.PASSED, step.next, due_at=over if isinstance(step, WaitDateStep) else None)
        case WaitForStep():
            return _awaited(step, moment)
        case BranchStep():
            return Decision(Visit.YES, step.next) if moment.holds else Decision(Visit.NO, step.no)
        case SplitStep():
            return _one_way(step, moment)
        case ExitStep():
            return Decision(Visit.PASSED, leaves=step.reason)
        case MailStep():
            return _mail(step, moment)
    return Decision(Visit.PASSED, step.next, acts=True)


def chance(enrolment: uuid.UUID, step: str) -> int:
    """A number from 0 to 99 that is always the same for one enrolment and step."""
    return int.from_bytes(hashlib.sha256(f"{enrolment}:{step}".encode()).digest()[:8], "big") % 100


def _awaited(step: WaitForStep, moment: Moment) -> Decision:
    if moment.happened or (step.rule is not None and moment.holds):
        return Decision(Visit.HAPPENED, step.next)
    over = moment.clock.came_at + step.most.delta
    return Decision(None, due_at=over) if over > moment.now else Decision(Visit.TIMED_OUT, step.late)


def _one_way(step: SplitStep, moment: Moment) -> Decision:
    below = 0
    for number, way in enumerate(step.ways, start=1):
        below += way.share
        if moment.chance < below:
            return Decision(Visit.WAY, way.next, detail={"way": number})
    raise ValueError("The shares of a split sum up to 100.")


def _mail(step: MailStep, moment: Moment) -> Decision:
    skip = moment.skip
    if step.mode == "draft":
        skip = StepSkip.DRAFT
    elif moment.now - moment.due_at > step.late.delta:
        skip = StepSkip.TOO_LATE
    if skip is not None:
        return Decision(Visit.SKIPPED, step.next, detail={"reason": str(skip)})
    return Decision(Visit.MAILED, step.next, acts=True)
