"""The automations as this process knows them: read once, and again as soon as one is published, turned off or on."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from campaigns.automations.matching import Live, Matcher
from campaigns.automations.models import Automation, AutomationVersion
from campaigns.automations.nodes import Definition, EventExit
from campaigns.automations.published import definition_of
from campaigns.automations.types import AutomationState

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Known:
    """``automations`` are the live ones, by id. ``definitions`` are those of all versions that somebody may still be in, by
    the version's id, whether the automation is live or off. ``exits`` are the names of events that may end somebody's way."""

    automations: Mapping[int, Automation]
    definitions: Mapping[int, Definition]
    matcher: Matcher
    names: frozenset[str]
    exits: frozenset[str]

    def cares(self, name: str) -> bool:
        """Whether events of this name mean anything to anybody who is in an automation, or may come into one."""
        return name in self.names


_latest: tuple[Sequence[Any], Known] | None = None


def current() -> Known:
    """What is published now; one small query where nothing was since the last time."""
    global _latest
    published = Automation.objects.exclude(state=AutomationState.DRAFT).order_by("pk")
    stamp = list(published.values_list("pk", "uuid", "state", "live__uuid", "topic_id", "recipe"))
    if _latest is None or _latest[0] != stamp:
        _latest = (stamp, _read())
    return _latest[1]


def _read() -> Known:
    versions = AutomationVersion.objects.exclude(automation__state=AutomationState.DRAFT)
    definitions: dict[int, Definition] = {}
    for version in versions:
        try:
            definitions[version.pk] = definition_of(version)
        except ValueError as error:
            logger.error("A published version cannot be read, so its automation hears nothing: %s", error)
    automations = {
        automation.pk: automation
        for automation in Automation.objects.filter(state=AutomationState.LIVE).select_related("live", "topic")
        if automation.live_id in definitions
    }
    lives = [_live(automation, definitions) for automation in automations.values()]
    names = frozenset().union(*(definition.event_names() for definition in definitions.values()))
    exits = frozenset().union(*(_exit_names(definition) for definition in definitions.values()))
    return Known(automations, definitions, Matcher(lives), names, exits)


def _exit_names(definition: Definition) -> set[str]:
    return {name for exit in definition.exits if isinstance(exit, EventExit) for name in exit.match.names}


def _live(automation: Automation, definitions: Mapping[int, Definition]) -> Live:
    version = automation.live_id
    if version is None:
        raise ValueError(f"The live automation {automation} has no version.")
    return Live(automation.pk, automation.recipe, version, definitions[version], automation.topic_id)
