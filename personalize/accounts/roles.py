"""Which role may do what: the one table behind every permission."""

from __future__ import annotations

from typing import Any

from personalize.accounts.models import Role

_LOOK = frozenset({"report.view", "people.view"})
_WORK = _LOOK | {
    "people.address",
    "people.import",
    "content.edit",
    "campaign.edit",
    "campaign.send",
    "campaign.pause",
    "automation.edit",
    "automation.run",
    "suppression.add",
    "audience.edit",
}

ACTIONS: dict[str, frozenset[str]] = {
    Role.OWNER: _WORK
    | {
        "people.edit",
        "people.export",
        "segment.edit",
        "settle.doubt",
        "suppression.remove",
        "erase",
        "settings.edit",
        "audit.view",
        "health.view",
    },
    Role.APPROVER: _WORK | {"settle.doubt"},
    Role.MARKETER: _WORK | {"people.edit", "segment.edit"},
    # An analyst sees people without their addresses.
    Role.ANALYST: _LOOK,
    Role.OPS: frozenset(
        {"report.view", "campaign.pause", "settle.doubt", "suppression.add", "settings.edit", "health.view"}
    ),
}


def policy(actor: Any, action: str, target: object | None) -> bool:
    """Whether ``actor``, a user, may do ``action``; superusers are owners, and the inactive may do nothing."""
    if not getattr(actor, "is_authenticated", False) or not actor.is_active:
        return False
    role = Role.OWNER if actor.is_superuser else actor.role
    return action in ACTIONS.get(role, frozenset())
