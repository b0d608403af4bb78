"""Writes the audit trail."""

from __future__ import annotations

from typing import Any

from django.db import models

from personalize.accounts.models import AuditEntry, User
from personalize.core import clock


def write(*, actor: Any, action: str, target: object | None, reason: str, details: dict[str, Any]) -> None:
    """Store one entry; ``actor`` is a user or a word such as ``system``."""
    user = actor if isinstance(actor, User) else None
    row = target if isinstance(target, models.Model) else None
    AuditEntry.objects.create(
        at=clock.now(),
        user=user,
        actor=str(actor)[:255],
        action=action,
        target_type=row._meta.label if row else "",
        target_id=str(row.pk) if row else "",
        target_label="" if target is None else str(target)[:255],
        reason=reason,
        details=details,
    )
