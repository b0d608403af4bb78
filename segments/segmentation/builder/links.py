"""Links to the people a rule means: the rule travels in the address, so that the list can be searched, sorted and shared."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from typing import Any

from django.urls import reverse

LONGEST = 1_500
"""Longer addresses are not followed everywhere; such a rule has no link."""

_MOST_BYTES = 100_000


def people_url(rule: Any) -> str:
    """The page that lists the people a rule means; empty where the rule is too long for an address."""
    packed = zlib.compress(json.dumps(rule, separators=(",", ":")).encode(), 9)
    code = base64.urlsafe_b64encode(packed).decode().rstrip("=")
    return reverse("segmentation:people", args=[code]) if len(code) <= LONGEST else ""


def rule_in(code: str) -> Any:
    """The rule in an address; raises ValueError for what is none."""
    try:
        packed = base64.urlsafe_b64decode(code + "=" * (-len(code) % 4))
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(packed, _MOST_BYTES)
        return json.loads(text)
    except (binascii.Error, zlib.error, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(str(error)) from error
