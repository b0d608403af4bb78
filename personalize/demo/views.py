"""The inbox of the demo: every mail that was caught, with the reason why it looks as it does."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from campaigns.delivery.models import Message
from campaigns.delivery.timeline import why
from personalize.core.permissions import require
from personalize.demo.anatomy import anatomy, as_shown, at_home
from personalize.demo.inbox import CaughtMail, Inbox, Opened, take_apart

PAGE = 50
LOOKS = {
    "mail": _("Mail"),
    "phone": _("Phone"),
    "dark": _("Dark"),
    "text": _("Plain text"),
    "headers": _("Headers"),
    "source": _("Source"),
}
# The mail is somebody else's HTML: no script, no form, no door into the dashboard; links open beside it.
POLICY = (
    "default-src 'none'; img-src https: data: 'self'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)


def _only_in_the_demo(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Elsewhere nothing is caught, and the addresses do not exist."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not settings.DEMO:
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


@_only_in_the_demo
@require("people.view")
def caught(request: HttpRequest, id: int | None = None) -> HttpResponse:
    """The list, and beside it the mail ``id`` or else the newest, in one of the looks."""
    inbox = Inbox(settings.CAUGHT_MAIL)
    words = request.GET.get("q", "").strip()
    before = request.GET.get("before", "")
    mails = inbox.newest(words=words, limit=PAGE + 1, before=int(before) if before.isdecimal() else None)
    shown = id if id is not None else next((mail.id for mail in mails), None)
    found = inbox.get(shown) if shown is not None else None
    if id is not None and found is None:
        raise Http404
    messages = _messages(mail.message for mail in [*mails, *([found[0]] if found else [])])
    return render(
        request,
        "demo/caught.html",
        {
            "words": words,
            "total": inbox.count(words),
            "lines": [(mail, messages.get(mail.message)) for mail in mails[:PAGE]],
            "older": mails[PAGE - 1].id if len(mails) > PAGE else None,
            "looks": LOOKS.items(),
            **(_opened(*found, messages, request.GET.get("look", "")) if found else {}),
        },
    )


def _messages(wanted: Iterable[uuid.UUID | None]) -> dict[uuid.UUID | None, Message]:
    """The ledger's rows of these mails, with their people and mailings, in one query."""
    rows = Message.objects.filter(uuid__in={message for message in wanted if message})
    return {row.uuid: row for row in rows.select_related("subscriber", "mailing__topic", "mailing__version")}


def _opened(mail: CaughtMail, raw: bytes, messages: dict[uuid.UUID | None, Message], look: str) -> dict[str, Any]:
    opened = take_apart(raw)
    message = messages.get(mail.message)
    parts = anatomy(at_home(opened.html, base_url=settings.BASE_URL))
    return {
        "mail": mail,
        "opened": opened,
        "message": message,
        "why": list(why(message)) if message else [],
        "look": look if look in LOOKS else "mail",
        "parts": parts,
        "first_link": next(iter(parts.links), ""),
        "one_click": _header(opened, "List-Unsubscribe-Post"),
    }


def _header(opened: Opened, wanted: str) -> str:
    return next((value for name, value in opened.headers if name.lower() == wanted.lower()), "")


@_only_in_the_demo
@require("people.view")
def mail_html(request: HttpRequest, id: int) -> HttpResponse:
    """The HTML of a caught mail and nothing around it, for the frame in the inbox."""
    found = Inbox(settings.CAUGHT_MAIL).get(id)
    if found is None:
        raise Http404
    html = at_home(take_apart(found[1]).html, base_url=settings.BASE_URL)
    return HttpResponse(
        as_shown(html, dark="dark" in request.GET),
        headers={"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"},
    )
