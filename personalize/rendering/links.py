"""Links in mails: placeholders that the sender turns into tracked addresses, and which addresses may be linked at all."""

from __future__ import annotations

import re
from collections.abc import Callable

_PREFIX = "https://personalize.invalid/-/"
_SENTINEL = re.compile(re.escape(_PREFIX) + r"([a-z0-9]{1,20})/")
_SCHEME = re.compile(r"^(?:https?://[^/\s\\]|mailto:[^\s]|tel:[+0-9])", re.IGNORECASE)
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\u2028\u2029\"'<>\\`]")

NAMED = ("unsubscribe", "preferences", "view", "open")


def sentinel(name: str) -> str:
    """A URL-looking placeholder for a tracked link's number, or for one of ``NAMED``; ``.invalid`` can never resolve."""
    return f"{_PREFIX}{name}/"


def replace(text: str, resolve: Callable[[str], str]) -> str:
    """Put ``resolve(name)`` in the place of every placeholder; it must return an address that needs no escaping."""
    return _SENTINEL.sub(lambda match: resolve(match.group(1)), text)


def safe_url(url: object) -> str:
    """The address if it is http, https, mailto or tel and cannot leave its attribute; otherwise ``#``."""
    text = str(url).strip()
    return text if _SCHEME.match(text) and not _FORBIDDEN.search(text) else "#"
