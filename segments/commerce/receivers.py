"""What the shop tells us without a log-in: its signed webhooks, and what known people look at.

A webhook is answered 200 when it was taken (or came before, or has nothing for us) and 202 when its data were refused: a
shop that got an error would send the same data again for days, or stop sending at all. Errors of the 500s are our own
faults, and then a second try helps.
"""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from personalize.core import clock, ratelimit
from segments.commerce import services, signatures, snippet
from segments.commerce.models import Connection, ConnectionKind, ReceiptState

MAX_BODY = 1024 * 1024
MAX_VIEW = 2048
WRONG_SIGNATURES_A_MINUTE = 30
VIEWS_A_MINUTE = 120
# WooCommerce asks, unsigned, whether anybody is there before it keeps a webhook.
_WOO_PING = re.compile(rb"webhook_id=\d{1,12}")


@csrf_exempt
@require_POST
def hook(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """One delivery of a shop."""
    connection = Connection.objects.filter(uuid=uuid, enabled=True).first()
    if connection is None:
        return _quiet(404)
    raw = _body(request, MAX_BODY)
    if raw is None:
        return _quiet(413)
    if connection.kind == ConnectionKind.WOOCOMMERCE and _WOO_PING.fullmatch(raw):
        return _quiet(200)
    delivery = signatures.verified(connection, request.headers, raw, clock.now())
    if delivery is None:
        key = f"hook:{uuid}:{ratelimit.client_address(request)}"
        wait = ratelimit.take(key, limit=WRONG_SIGNATURES_A_MINUTE, seconds=60)
        return _quiet(429, retry_after=wait) if wait else _quiet(401)
    receipt = services.receive(connection=connection, delivery=delivery)
    if receipt is None:
        return JsonResponse({"state": "known"})
    refused = receipt.state == ReceiptState.REFUSED
    return JsonResponse({"state": receipt.state, "detail": receipt.detail}, status=202 if refused else 200)


@require_GET
def script(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The snippet. It is the same for every connection, and finds its key in its own address."""
    return HttpResponse(
        snippet.SCRIPT,
        content_type="text/javascript; charset=utf-8",
        headers={"Cache-Control": "public, max-age=3600", "Cross-Origin-Resource-Policy": "cross-origin"},
    )


@csrf_exempt
@require_POST
def view(request: HttpRequest) -> HttpResponse:
    """Somebody looked at a product. The answer is the same whatever became of it: it would tell strangers who is known."""
    raw = _body(request, MAX_VIEW)
    if raw is None:
        return _quiet(413)
    wait = ratelimit.take(f"views:{ratelimit.client_address(request)}", limit=VIEWS_A_MINUTE, seconds=60)
    if wait:
        return _quiet(429, retry_after=wait)
    said = _said(raw)
    origin = request.headers.get("Origin", "")
    connection = _publisher(said.get("key", ""), origin)
    response = _quiet(204)
    response["Vary"] = "Origin"
    if connection is not None:
        response["Access-Control-Allow-Origin"] = origin
        services.record_view(connection=connection, who=said.get("who", ""), product=said.get("product", ""))
    return response


def _publisher(key: str, origin: str) -> Connection | None:
    """The connection whose key it is, if pages of ``origin`` may report to it."""
    try:
        found = Connection.objects.filter(uuid=UUID(key), kind=ConnectionKind.CUSTOM, enabled=True).first()
    except ValueError:
        return None
    return found if found is not None and origin and origin in found.origins else None


def _said(raw: bytes) -> dict[str, str]:
    try:
        said: Any = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return {key: value for key, value in said.items() if isinstance(value, str)} if isinstance(said, dict) else {}


def _body(request: HttpRequest, limit: int) -> bytes | None:
    """The body, read no further than its limit; None when it is longer, or breaks off."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > limit:
        return None
    try:
        raw = request.read(limit + 1)
    except UnreadablePostError:
        return None
    return raw if len(raw) <= limit else None


def _quiet(status: int, retry_after: int = 0) -> HttpResponse:
    """An answer that says nothing but its number."""
    headers = {"Cache-Control": "no-store"}
    if retry_after:
        headers["Retry-After"] = str(retry_after)
    return HttpResponse(status=status, headers=headers)
