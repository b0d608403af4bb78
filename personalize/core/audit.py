"""The one door to the audit trail; accounts registers the writer. Call it in the transaction of the action itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Writer = Callable[..., None]
_writer: list[Writer] = []


def register_writer(writer: Writer) -> None:
    """Set the function that stores entries."""
    _writer[:] = [writer]


def record(*, actor: Any, action: str, target: object | None = None, reason: str = "", **details: Any) -> None:
    """Note who did what to which object.

    ``actor`` is a user, or a short word such as ``system`` or ``command``. ``details`` are plain values and hold no
    personal data.
    """
    _writer[0](actor=actor, action=action, target=target, reason=reason, details=details)
