"""Keys of the API: what they may do, how they are written, and finding the one a request carries.

A key reads ``pk_<prefix>_<random>``. The prefix names it on pages and in the audit trail; of the whole only the SHA-256 is
kept, which is enough for 32 random bytes.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
import time
from dataclasses import dataclass

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from personalize.accounts.models import ApiKey
from personalize.core import clock

SCOPES = {
    "subscribers:read": _("Read people and their topics"),
    "subscribers:write": _("Create and change people, join and leave topics"),
    "subscribers:create": _("Events may create people who are not known yet"),
    "products:write": _("Create and change products"),
    "carts:write": _("Store carts"),
    "orders:write": _("Store orders and refunds"),
    "events:write": _("Record events"),
    "messages:send": _("Send service mail"),
    "segments:read": _("Read segments and who is in them"),
    "segments:write": _("Create, change and delete segments"),
    "automations:enrol": _("Put people into automations"),
}

REMEMBERED_SECONDS = 5.0
"""How long a process goes by what it read of a key: another process hears of a revocation that much later."""

USED_EVERY = dt.timedelta(minutes=1)
"""How exactly ``used_at`` is kept."""


@dataclass(frozen=True)
class Caller:
    """Who speaks: an API key as a request sees it."""

    id: int
    name: str
    prefix: str
    scopes: frozenset[str]
    source: str
    per_minute: int
    expires_at: dt.datetime | None

    def __str__(self) -> str:
        return f"API key {self.name} (pk_{self.prefix})"


def new_secret() -> tuple[str, str]:
    """A fresh key and its prefix."""
    prefix = secrets.token_hex(4)
    return f"pk_{prefix}_{secrets.token_urlsafe(32)}", prefix


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def find_caller(secret: str) -> Caller | None:
    """Whose key this is; None when nobody's, revoked or expired. Notes now and then that it was used."""
    digest = hash_of(secret)
    known = _remembered.get(digest)
    if known is None or known[0] < time.monotonic():
        caller = _look_up(digest)
        if caller is None:
            _remembered.pop(digest, None)
            return None
        # Only keys that are good are remembered, so there are never more than there are keys.
        known = _remembered[digest] = (time.monotonic() + REMEMBERED_SECONDS, caller)
    caller = known[1]
    return caller if caller.expires_at is None or caller.expires_at > clock.now() else None


def forget() -> None:
    """Read every key anew, because one was changed in this process."""
    _remembered.clear()


_remembered: dict[str, tuple[float, Caller]] = {}


def _look_up(digest: str) -> Caller | None:
    key = ApiKey.objects.filter(hash=digest, revoked_at__isnull=True).first()
    if key is None:
        return None
    now = clock.now()
    ApiKey.objects.filter(Q(used_at__isnull=True) | Q(used_at__lt=now - USED_EVERY), pk=key.pk).update(used_at=now)
    return Caller(
        id=key.pk,
        name=key.name,
        prefix=key.prefix,
        scopes=frozenset(key.scopes),
        source=key.source,
        per_minute=key.per_minute,
        expires_at=key.expires_at,
    )
