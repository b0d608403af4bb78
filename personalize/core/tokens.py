"""Signed tokens for links in mails.

Layout, base64url without padding: version 1 | key id 1 | purpose 1 | id 16 | issued at, minutes since 1970, 4 |
link number 2 | MAC 12. The MAC is the first 96 bits of HMAC-SHA-256 over everything before it. Keys belong to the
installation: the first of ``LINK_KEYS`` signs, all of them verify, so that a link in an old mail works for ever.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import enum
import hashlib
import hmac
import struct
import uuid
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings

VERSION = 1
_BODY = struct.Struct(">BBB16sIH")
_MAC_BYTES = 12


class Purpose(enum.IntEnum):
    """What a token may be used for; a token of one purpose opens nothing else."""

    OPEN = 1
    CLICK = 2
    UNSUBSCRIBE = 3
    VIEW = 4
    PREFERENCES = 5
    CONFIRM = 6
    UNDO = 7


@dataclass(frozen=True)
class Token:
    """What a token says once its MAC was found right."""

    purpose: Purpose
    id: uuid.UUID
    issued_at: dt.datetime
    link: int


@lru_cache(maxsize=8)
def _keys(configured: tuple[str, ...], secret: str) -> dict[int, bytes]:
    if not configured:
        return {0: hashlib.sha256(b"personalize.links:" + secret.encode()).digest()}
    keys: dict[int, bytes] = {}
    for item in configured:
        number, _, value = item.partition(":")
        keys[int(number)] = value.encode()
    return keys


def _current() -> dict[int, bytes]:
    return _keys(tuple(settings.LINK_KEYS), settings.SECRET_KEY)


def seal(purpose: Purpose, id: uuid.UUID, *, issued_at: dt.datetime, link: int = 0) -> str:
    """Make the token for ``id``; ``link`` is 0 to 65535."""
    key_id, key = next(iter(_current().items()))
    body = _BODY.pack(VERSION, key_id, purpose, id.bytes, int(issued_at.timestamp()) // 60, link)
    mac = hmac.digest(key, body, "sha256")[:_MAC_BYTES]
    return _encode(body + mac)


def unseal(token: str, *purposes: Purpose) -> Token | None:
    """Read a token meant for one of ``purposes``; None for anything altered, cut, foreign or meant for something else."""
    try:
        raw = base64.urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except (UnicodeEncodeError, binascii.Error, ValueError):
        return None
    if len(raw) != _BODY.size + _MAC_BYTES or _encode(raw) != token:
        return None
    body, mac = raw[: _BODY.size], raw[_BODY.size :]
    version, key_id, purpose, id_bytes, minutes, link = _BODY.unpack(body)
    key = _current().get(key_id)
    if version != VERSION or key is None or not hmac.compare_digest(mac, hmac.digest(key, body, "sha256")[:_MAC_BYTES]):
        return None
    if purpose not in purposes:
        return None
    issued_at = dt.datetime.fromtimestamp(minutes * 60, tz=dt.UTC)
    return Token(Purpose(purpose), uuid.UUID(bytes=id_bytes), issued_at, link)


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
