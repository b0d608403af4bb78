"""What is accepted as an event from another system."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any

from django.utils.translation import gettext as _

from personalize.core import clock
from segments.events.types import GivenEvent

MAX_PROPERTIES = 100
MAX_DEPTH = 5
MAX_BYTES = 64 * 1024

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
# What is recorded here from something else than an event, and where that is to be sent.
_RECORDED_HERE = re.compile(
    r"(email|segment|order|subscription|cart)_.*|checkout_started|price_dropped|back_in_stock", re.DOTALL
)


def problem_of(event: GivenEvent, *, now: dt.datetime) -> str:
    """Why the event is not taken, whoever it is about; empty when it is."""
    if not _NAME.fullmatch(event.name):
        return _("name: is not a lower-case word such as wish_list_shared, of at most 64 letters, digits and _")
    if _RECORDED_HERE.fullmatch(event.name):
        return _("name: is recorded by Personalize itself; send the order, cart, product or subscription instead")
    if not event.person:
        return _("email: is needed, or external_id or subscriber_id")
    if event.occurred_at is not None:
        stamp = clock.stamp_problem(event.occurred_at, now=now, historic=event.historic)
        if stamp:
            return f"occurred_at: {stamp}"
    if len(event.properties) > MAX_PROPERTIES or _depth(event.properties) > MAX_DEPTH:
        return _("properties: are more than %(count)d or nested deeper than %(depth)d") % {
            "count": MAX_PROPERTIES,
            "depth": MAX_DEPTH,
        }
    if event.properties and len(json.dumps(dict(event.properties))) > MAX_BYTES:
        return _("properties: are larger than %d KB") % (MAX_BYTES // 1024)
    return ""


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0
