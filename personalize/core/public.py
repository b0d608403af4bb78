"""What every page for strangers has in common: nothing of it is cached, indexed, framed or told to the next site.

No login, no session, no cookie, no script: such a page is opened from a mail, by anybody who holds its link.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, QueryDict, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

View = Callable[..., HttpResponse]

_POLICY = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def policy(*, framed: bool = False, leads_to: str = "") -> str:
    """The content policy of a public page. ``framed``: other sites may show it inside theirs.

    ``leads_to`` is the origin to which a form of the page may be answered with a redirect.
    """
    wanted = _POLICY.replace("frame-ancestors 'none'", "frame-ancestors *") if framed else _POLICY
    return wanted.replace("form-action 'self'", f"form-action 'self' {leads_to}") if leads_to else wanted


def public(*methods: str) -> Callable[[View], View]:
    """A page for whoever holds its link. A view that needs another content policy sets it itself."""

    def wrap(view: View) -> View:
        limited = require_http_methods(list(methods))(view)

        @csrf_exempt
        @wraps(view)
        def shown(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
            response: HttpResponse = limited(request, *args, **kwargs)
            response["Referrer-Policy"] = "no-referrer"
            response["Cache-Control"] = "no-store"
            response["X-Robots-Tag"] = "noindex, nofollow"
            response.headers.setdefault("Content-Security-Policy", policy())
            return response

        return shown

    return wrap


def posted(request: HttpRequest) -> QueryDict:
    """What a form sent; nothing when the body cannot be read as one."""
    try:
        return request.POST
    except (BadRequest, MultiPartParserError, SuspiciousOperation, UnreadablePostError):
        return QueryDict()


def network(request: HttpRequest) -> str:
    """Where a request comes from, cut to /24 or /48; empty when that is not known."""
    address = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_PROXY:
        # The last entry was added by our own proxy; those before it are anybody's claim.
        address = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip() or address
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return str(ipaddress.ip_network((ip, 24 if ip.version == 4 else 48), strict=False))


def answer_no_sooner(began: float, seconds: float) -> None:
    """Wait until ``seconds`` after ``began`` (monotonic), so that the time of an answer does not tell what was found."""
    time.sleep(max(0.0, began + seconds - time.monotonic()))
