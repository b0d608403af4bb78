"""The wire between renderer and child: two lengths, a small JSON head, and long texts as they are.

Finished mails are too long to be quoted and unquoted as JSON: that would cost as much as rendering them.
"""

from __future__ import annotations

import json
import struct
from typing import Any

LENGTHS = struct.Struct(">II")


def pack(head: dict[str, Any], texts: dict[str, str] | None = None) -> bytes:
    """A frame; ``texts`` come back from ``unpack`` under ``parts``."""
    encoded = {name: text.encode("utf-8", "replace") for name, text in (texts or {}).items()}
    if texts is not None:
        head = {**head, "parts": {name: len(text) for name, text in encoded.items()}}
    start = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    tail = b"".join(encoded.values())
    return LENGTHS.pack(len(start), len(tail)) + start + tail


def size(buffer: bytes | bytearray) -> int | None:
    """How long the frame at the front of the buffer is; None while its lengths have not come yet."""
    if len(buffer) < LENGTHS.size:
        return None
    head, tail = LENGTHS.unpack_from(buffer)
    return LENGTHS.size + int(head) + int(tail)


def unpack(frame: bytes) -> dict[str, Any]:
    """The head of a whole frame, with its texts under ``parts`` when it carries any."""
    end = LENGTHS.size + LENGTHS.unpack_from(frame)[0]
    head: dict[str, Any] = json.loads(frame[LENGTHS.size : end])
    if "parts" in head:
        parts: dict[str, str] = {}
        for name, length in head["parts"].items():
            parts[name] = frame[end : end + length].decode()
            end += length
        head["parts"] = parts
    return head
