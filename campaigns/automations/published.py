"""The definitions of published versions, read once in a process: a version never changes.

Their rules were checked when they were published. Whether what they name is still there is seen where they are asked, so
that a segment deleted since stops those who come to that rule, and nobody else.
"""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from campaigns.automations.definition import Reader, read
from campaigns.automations.models import AutomationVersion
from campaigns.automations.nodes import Definition, RuleJson

MOST = 500
"""How many are kept in mind."""

_known: dict[UUID, Definition] = {}


class _Trusting(Reader):
    def rule(self, raw: Any, path: str) -> RuleJson:
        return cast(RuleJson, raw)


def definition_of(version: AutomationVersion) -> Definition:
    """What a version says. Raises ValueError when that cannot be read, which publishing had made sure of."""
    found = _known.get(version.uuid)
    if found is None:
        made = read(version.definition, _Trusting())
        if not isinstance(made, Definition):
            raise ValueError(f"{version}: {made[0].field} {made[0].message}")
        if len(_known) >= MOST:
            _known.clear()
        found = _known[version.uuid] = made
    return found
