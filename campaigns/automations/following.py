"""Which segments automations want to hear of: those whose comings and goings bring people in, let them out or on."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import suppress

from campaigns.automations import lives
from campaigns.automations.nodes import Definition, EventExit, EventMatch, EventTrigger, WaitForStep

_NAMES = frozenset({"segment_joined", "segment_left"})


def segments() -> set[uuid.UUID]:
    """The segments named by what brings people into live automations, and by whatever the others in them wait for."""
    known = lives.current()
    found: set[uuid.UUID] = set()
    for automation in known.automations.values():
        trigger = known.definitions[automation.live_id].trigger if automation.live_id else None
        if isinstance(trigger, EventTrigger):
            found |= set(_named(trigger.match))
    for definition in known.definitions.values():
        found |= {segment for match in _awaited(definition) for segment in _named(match)}
    return found


def _awaited(definition: Definition) -> Iterator[EventMatch]:
    yield from (exit.match for exit in definition.exits if isinstance(exit, EventExit))
    for step in definition.steps.values():
        if isinstance(step, WaitForStep) and step.match is not None:
            yield step.match


def _named(match: EventMatch) -> Iterator[uuid.UUID]:
    for condition in match.where if match.names & _NAMES else ():
        if condition.field == "subject" and condition.op in ("is", "in"):
            values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
            for value in values:
                with suppress(ValueError):  # What is no id names no segment.
                    yield uuid.UUID(str(value))
