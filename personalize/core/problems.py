"""Errors as machines read them: problem documents (RFC 9457), the one form in which the API refuses."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse

CONTENT_TYPE = "application/problem+json"


def problem(
    status: int,
    detail: str,
    *,
    errors: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """An answer that says what is wrong. ``errors`` are ``{"at": where, "reason": why}``, one for each wrong value."""
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if errors:
        document["errors"] = list(errors)
    body = json.dumps(document, ensure_ascii=False)
    return HttpResponse(body, status=status, content_type=CONTENT_TYPE, headers=headers)


def nothing_here(request: HttpRequest, *_: object, **__: object) -> HttpResponse:
    """The view of every address below the API at which there is nothing."""
    return problem(404, "There is nothing at this address.")
