"""What analytics brings to Home: the trend of the last thirty days, and how mail arrives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from campaigns.analytics.report import ENOUGH
from campaigns.analytics.trends import last_days
from personalize.core import permissions


def trend(request: HttpRequest, target: object) -> dict[str, Any] | None:
    """Three charts of one story; hidden until something was sent."""
    if not permissions.allowed(request.user, "report.view"):
        return None
    found = last_days()
    if not any(found.sent):
        return None
    return {
        "charts": [
            _chart(_("Sent"), found.sent, _("mails")),
            _chart(_("Clicked"), found.clickers, _("people, counted once a day; machines left out")),
            _chart(_("Orders from mail"), found.orders, _("last click within 5 days"), tone="money"),
        ]
    }


def _chart(label: str, days: Sequence[int], note: str, tone: str = "") -> dict[str, Any]:
    words = _("%(label)s: %(sum)s in 30 days, at most %(most)s in a day.") % {
        "label": label,
        "sum": sum(days),
        "most": max(days),
    }
    return {"label": label, "total": sum(days), "days": days, "note": note, "tone": tone, "words": words}


def arrival(request: HttpRequest, target: object) -> dict[str, Any] | None:
    """Bounces, complaints and leavers among the mails sent; hidden until something was sent."""
    if not permissions.allowed(request.user, "report.view"):
        return None
    found = last_days()
    sent = sum(found.sent)
    if not sent:
        return None
    rows = [
        (_("Bounced"), found.bounced if found.delivery_known else None),
        (_("Marked as spam"), found.complained if found.delivery_known else None),
        (_("Unsubscribed"), found.unsubscribed),
    ]
    return {"rows": rows, "sent": sent, "enough": ENOUGH}
