"""Which mail an order is credited to: the one the person last clicked, within five days before the order.

Model ``last click, 5 days``, version 1. The window is measured back from the order to the click. Only people's clicks on
marketing mails count, over all mails there are, so an order is credited once or not at all. Credited is not caused.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, TypedDict
from uuid import UUID

from django.db.models import BigIntegerField, Case, F, OuterRef, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce

from campaigns.delivery.models import Message
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
    credited_message: int | None
    credited_run: int | None
    returned: int


class Owned(Credit):
    """What ``orders_after`` adds to an order: the ``owner`` of the mailing of the mail it is credited to."""

    owner: UUID


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
        credited_message=Subquery(last.values("message")[:1]),
        credited_run=Subquery(last.values("message__run")[:1]),
        returned=Case(
            # A shop may mark the whole order as refunded without telling the refund's lines.
            When(status=OrderStatus.REFUNDED, then=F("total")),
            default=Coalesce(Subquery(refunds.values("sum")), Value(0)),
            output_field=BigIntegerField(),
        ),
    )


def orders_after(mails: QuerySet[Message]) -> QuerySet[WithAnnotations[Order, Owned]]:
    """The orders credited to one of these mails, each with its Owned."""
    ids = mails.order_by().values("pk")
    clickers = Hit.objects.clicks().by_people().filter(message__in=ids).values("message__subscriber")
    owner = Message.objects.filter(pk=OuterRef("credited_message")).values("mailing__owner")
    return credited_orders().filter(subscriber__in=clickers, credited_message__in=ids).annotate(owner=Subquery(owner))
