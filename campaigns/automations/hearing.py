"""What an event changes about somebody who is in an automation: they leave, their wait begins anew, or it is over.

Pure; an enrolment is whatever has its fields, so that a simulation hears as the real thing does.
"""

from __future__ import annotations

import datetime as dt
from typing import Protocol

from campaigns.automations import matching
from campaigns.automations.matching import EventFacts, InIt
from campaigns.automations.nodes import Definition, EventExit, WaitForStep, WaitStep
from campaigns.automations.timing import Clock, wait_is_over
from campaigns.automations.types import EnrolmentState
from personalize.core.localtime import zone


class Waiting(InIt, Protocol):
    """What of an enrolment an event may change, and what that depends on."""

    state: str
    step: str
    due_at: dt.datetime | None
    activity_at: dt.datetime


def reason_to_go(definition: Definition, event: EventFacts, enrolment: InIt) -> str:
    """Why the event ends the enrolment; "" when it does not."""
    for exit in definition.exits:
        if isinstance(exit, EventExit) and matching.ends(exit, event, enrolment):
            return exit.reason
    return ""


def changes(definition: Definition, event: EventFacts, enrolment: Waiting, at: dt.datetime) -> bool:
    """Change the enrolment in hand as an event says that is heard ``at``; false when it says nothing to it."""
    touched = _touch(definition, event, enrolment)
    return _wake(definition, event, enrolment, at) or touched


def _touch(definition: Definition, event: EventFacts, enrolment: Waiting) -> bool:
    """Note newer activity, and let a wait since activity begin anew; an older one changes nothing."""
    if event.at <= enrolment.activity_at or not matching.touches(definition, event, enrolment):
        return False
    enrolment.activity_at = event.at
    fresh = matching.context(event)
    if fresh["about"] == enrolment.context.get("about"):
        enrolment.context = fresh
    step = definition.steps.get(enrolment.step)
    if enrolment.state == EnrolmentState.WAITING and isinstance(step, WaitStep) and step.since == "activity":
        # Such a wait asks no clock on a wall, so any zone will do.
        clock = Clock(enrolment.came_at, enrolment.started_at, enrolment.activity_at, zone("UTC"))
        enrolment.due_at = wait_is_over(step, clock)
    return True


def _wake(definition: Definition, event: EventFacts, enrolment: Waiting, at: dt.datetime) -> bool:
    """Let somebody go on whose event has come."""
    step = definition.steps.get(enrolment.step)
    if enrolment.state != EnrolmentState.WAITING or not isinstance(step, WaitForStep):
        return False
    if not matching.happened(step, event, enrolment) or (enrolment.due_at is not None and enrolment.due_at <= at):
        return False
    enrolment.due_at = at
    return True
