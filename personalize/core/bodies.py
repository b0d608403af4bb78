"""Reading the bodies that strangers send: never more than allowed, whatever they claim about it."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, UnreadablePostError

_GZIP = 31
"""What zlib calls 32 KB of window behind a gzip header."""


@dataclass(frozen=True)
class Unreadable:
    """A body that is not taken: the HTTP status that says so, and why."""

    status: int
    reason: str


def read_body(request: HttpRequest, *, limit: int) -> bytes | Unreadable:
    """The body, unpacked, of at most ``limit`` bytes packed and unpacked; nothing beyond that is ever held."""
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip"):
        return Unreadable(415, "The body may come as it is or packed with gzip, nothing else.")
    too_large = Unreadable(413, f"The body is larger than {limit // 1024} KB.")
    length = request.headers.get("Content-Length", "")
    if length.isdigit() and int(length) > limit:
        return too_large
    try:
        body = _read(request, limit + 1)
    except UnreadablePostError:
        return Unreadable(400, "The body ended before its time.")
    if len(body) > limit:
        return too_large
    if encoding == "identity":
        return body
    unpacking = zlib.decompressobj(_GZIP)
    try:
        unpacked = unpacking.decompress(body, limit + 1)
    except zlib.error:
        return Unreadable(400, "The body says it is gzip and is not.")
    if len(unpacked) > limit:
        return too_large
    if not unpacking.eof or unpacking.unused_data:
        return Unreadable(400, "The body is cut off, or has more than one part of gzip.")
    return unpacked


def _read(request: HttpRequest, most: int) -> bytes:
    # Django takes a body without a length for empty. A server that says the input ends by itself has unpacked its chunks.
    if isinstance(request, WSGIRequest) and not request.META.get("CONTENT_LENGTH"):
        if not request.environ.get("wsgi.input_terminated"):
            return b""
        stream = request.environ["wsgi.input"]
    else:
        stream = request
    parts = []
    while most > 0 and (part := stream.read(most)):
        parts.append(part)
        most -= len(part)
    return b"".join(parts)
