"""How long the payloads of a shop are kept: they are for finding faults, and full of personal data."""

from __future__ import annotations

import datetime as dt

from django.utils.translation import gettext_lazy as _

from personalize.core.registries import Retention
from segments.commerce.models import Receipt

DAYS = 30
SLICE = 1000


def _prune(before: dt.datetime) -> int:
    gone = 0
    while found := list(Receipt.objects.filter(received_at__lt=before).values_list("pk", flat=True)[:SLICE]):
        gone += Receipt.objects.filter(pk__in=found).delete()[0]
    return gone


RECEIPTS = Retention(
    key="receipts",
    label=_("Payloads of the shop"),
    days=DAYS,
    count=lambda before: Receipt.objects.filter(received_at__lt=before).count(),
    prune=_prune,
)
