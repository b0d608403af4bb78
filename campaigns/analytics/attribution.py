"""Which mail an order is credited to: the one the person last clicked, within five days before the order.

Model ``last click, 5 days``, version 1. The window is measured back from the order to the click. Only people's clicks on
marketing mails count, over all mails there are, so an order is credited once or not at all. Credited is not caused.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, TypedDict

from django.db.models import BigIntegerField, Case, F, OuterRef, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce

from campaigns.delivery.types import MailingKind
from campaigns.tracking.models import Hit
from segments.commerce.models import Order, OrderStatus, Refund

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

WINDOW = dt.timedelta(days=5)


class Credit(TypedDict):
    """What ``credited_orders`` adds to an order; ``returned`` is what was given back of it, in ten-thousandths."""

    credited_hit: int | None
    credited_link: int | None
    credited_run: int | None
    returned: int


def credited_orders() -> QuerySet[WithAnnotations[Order, Credit]]:
    """Orders that were not cancelled, each with its Credit."""
    last = (
        Hit.objects.clicks()
        .by_people()
        .filter(
            message__subscriber=OuterRef("subscriber"),
            message__mailing__kind=MailingKind.MARKETING,
            at__lte=OuterRef("placed_at"),
            at__gte=OuterRef("placed_at") - WINDOW,
        )
        .order_by("-at", "-pk")
    )
    refunds = Refund.objects.filter(order=OuterRef("pk")).order_by().values("order").annotate(sum=Sum("total"))
    return Order.objects.exclude(status=OrderStatus.CANCELLED).annotate(
        credited_hit=Subquery(last.values("pk")[:1]),
        credited_link=Subquery(last.values("link")[:1]),
        credited_run=Subquery(last.values("message__run")[:1]),
        returned=Case(
            # A shop may mark the whole order as refunded without telling the refund's lines.
            When(status=OrderStatus.REFUNDED, then=F("total")),
            default=Coalesce(Subquery(refunds.values("sum")), Value(0)),
            output_field=BigIntegerField(),
        ),
    )
