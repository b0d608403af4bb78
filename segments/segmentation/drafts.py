"""What somebody is writing of a segment and has not saved: kept in their session, so that nothing typed is lost."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from django.contrib.sessions.backends.base import SessionBase

from personalize.core import clock

KEY = "segment-drafts"
MOST = 5
LONGEST = 100_000
NEW = "new"


@dataclass(frozen=True)
class Draft:
    """The fields as they were typed, which version of the segment they began with, and when that was kept (ISO, UTC)."""

    name: str
    description: str
    rule: str
    mode: str
    lock_version: int
    at: str


def kept(session: SessionBase, segment: UUID | None) -> Draft | None:
    """The draft of a segment, or of a new one."""
    found: Any = session.get(KEY, {}).get(_key(segment))
    return Draft(**found) if found else None


def keep(
    session: SessionBase, segment: UUID | None, *, name: str, description: str, rule: str, mode: str, lock_version: int
) -> Draft | None:
    """Keep a draft in the stead of the one before, the newest few of them; None where it is too long to be kept."""
    if len(name) + len(description) + len(rule) > LONGEST:
        return None
    draft = Draft(name, description, rule, mode, lock_version, clock.now().isoformat())
    drafts = {**_without(session, segment), _key(segment): asdict(draft)}
    session[KEY] = dict(list(drafts.items())[-MOST:])
    return draft


def forget(session: SessionBase, segment: UUID | None) -> None:
    """Throw a draft away."""
    if _key(segment) in session.get(KEY, {}):
        session[KEY] = _without(session, segment)


def _without(session: SessionBase, segment: UUID | None) -> dict[str, Any]:
    return {key: value for key, value in session.get(KEY, {}).items() if key != _key(segment)}


def _key(segment: UUID | None) -> str:
    return str(segment) if segment else NEW
