"""The public edge: what the links in a mail lead to. No login, no session, no cookie, no script.

Opening any of these pages changes nothing but the record of the visit; leaving takes a POST. A token that is altered, cut,
foreign or names nothing gets one and the same page, before or after the database was asked.
"""

from __future__ import annotations

import base64
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from campaigns.delivery.models import Link, Message
from campaigns.tracking import browser_copy, services
from campaigns.tracking.models import HitKind
from campaigns.tracking.recognition import Visit
from campaigns.tracking.services import Scope
from personalize.accounts.models import Brand
from personalize.core import clock, tokens
from personalize.core.addresses import mask
from personalize.core.public import network, posted, public
from personalize.core.tokens import Purpose

_PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
# A mail is written by people and filled with data of others: it may show pictures and lead away, and nothing else.
_MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src https: http: data: 'self'; "
    "style-src 'unsafe-inline'; frame-ancestors 'none'"
)


@public("GET", "HEAD")
def open_pixel(request: HttpRequest, token: str) -> HttpResponse:
    message = _message(token, Purpose.OPEN)
    if message is None:
        return _nowhere()
    services.record_hit(message=message, kind=HitKind.OPEN, visit=_visit(request))
    return HttpResponse(_PIXEL, content_type="image/gif")


@public("GET", "HEAD")
def click(request: HttpRequest, token: str) -> HttpResponse:
    ticket = tokens.unseal(token, Purpose.CLICK)
    message = _message(token, Purpose.CLICK)
    if ticket is None or message is None:
        return _nowhere()
    link = Link.objects.filter(mailing=message.mailing_id, number=ticket.link).first()
    if link is None:
        return _nowhere()
    # The reader comes first: the way on is known before anything is written, and a failed write does not close it.
    way = HttpResponseRedirect(link.url)
    services.record_hit(message=message, kind=HitKind.CLICK, link=link, visit=_visit(request))
    return way


@public("GET", "HEAD", "POST")
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    message = _message(token, Purpose.UNSUBSCRIBE)
    if message is None:
        return _nowhere()
    if request.method != "POST":
        return _page("tracking/unsubscribe.html", message)
    # What the page's own form asks for; any other body is a mail program's, and whoever posts here wants to leave.
    match posted(request).get("scope", ""):
        case "undo":
            return _page("tracking/back.html" if services.come_back(message=message) else "tracking/late.html", message)
        case ("topic" | "all") as scope:
            services.leave(message=message, scope=Scope(scope), source="unsubscribe page", network=network(request))
            return _page("tracking/left.html", message, everything=scope == "all" or message.mailing.topic is None)
        case _:
            # RFC 8058: a mail program posts without cookies, and must not be sent elsewhere.
            services.leave(message=message, scope=Scope.TOPIC, source="one-click", network=network(request))
            return HttpResponse(
                _("Done. You will get no more of these mails."), content_type="text/plain; charset=utf-8"
            )


@public("GET", "HEAD")
def view(request: HttpRequest, token: str) -> HttpResponse:
    message = _message(token, Purpose.VIEW)
    html = browser_copy.render(message) if message else None
    if html is None:
        return _nowhere()
    return HttpResponse(html, headers={"Content-Security-Policy": _MAIL_POLICY})


def _message(token: str, purpose: Purpose) -> Message | None:
    ticket = tokens.unseal(token, purpose)
    if ticket is None:
        return None
    return Message.objects.select_related("subscriber", "mailing__topic").filter(uuid=ticket.id).first()


def _visit(request: HttpRequest) -> Visit:
    hints = {request.headers.get(name, "").lower() for name in ("Purpose", "Sec-Purpose", "X-Purpose", "X-Moz")}
    return Visit(
        at=clock.now(),
        method=request.method or "",
        agent=request.headers.get("User-Agent", "").strip(),
        network=network(request),
        prefetch=any("prefetch" in hint or "preview" in hint for hint in hints),
    )


def _page(template: str, message: Message, **more: Any) -> HttpResponse:
    # Rendered without the request: no context processor may look for a login and set a cookie.
    person = message.subscriber
    context = {
        "brand": Brand.objects.first(),
        "address": mask(person.email) if person.email else "",
        "topic": message.mailing.topic,
        **more,
    }
    return HttpResponse(render_to_string(template, context))


def _nowhere() -> HttpResponse:
    return HttpResponse(render_to_string("public/nowhere.html"), status=404)
