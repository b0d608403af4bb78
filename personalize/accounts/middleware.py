"""The reader's time zone, and the looser script policy the administration needs."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable

from csp.constants import UNSAFE_EVAL
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils import timezone

from personalize.accounts.models import User

Handler = Callable[[HttpRequest], HttpResponseBase]


def reader_zone(get_response: Handler) -> Handler:
    """Shows times in the zone the person chose; strangers see UTC."""

    def handle(request: HttpRequest) -> HttpResponseBase:
        user = request.user
        zone = zone_or_utc(user.time_zone) if isinstance(user, User) else zoneinfo.ZoneInfo("UTC")
        with timezone.override(zone):
            return get_response(request)

    return handle


def zone_or_utc(name: str) -> zoneinfo.ZoneInfo:
    """The zone of this IANA name; UTC for one the machine does not know."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return zoneinfo.ZoneInfo("UTC")


def admin_scripts(get_response: Handler) -> Handler:
    """Lets the administration's own scripts evaluate expressions, for staff and under its address only."""

    def handle(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.path.startswith(reverse("admin:index")) and request.user.is_staff:
            response._csp_update = {"script-src": [UNSAFE_EVAL]}  # type: ignore[attr-defined]  # Read by django-csp.
        return response

    return handle
