"""What issuing a key comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from personalize.accounts.models import ApiKey


@dataclass(frozen=True)
class IssuedKey:
    """A fresh key; ``secret`` is shown to whoever asked for it and kept by nobody here."""

    key: ApiKey
    secret: str


@dataclass(frozen=True)
class BadKey:
    """Why no key was made: the name of what was given wrongly, and the reason in plain words."""

    field: str
    reason: str
