"""The people behind the figures of a report: one selection for the page and for the file."""

from __future__ import annotations

from django.db import models
from django.db.models import Exists, Min, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext_lazy as _

from campaigns.analytics.attribution import credited_orders
from campaigns.delivery.models import Message, Run
from campaigns.delivery.types import OPEN_STATES, MessageState
from campaigns.tracking.models import Hit


class Group(models.TextChoices):
    """The people a figure counts."""

    ALL = "all", _("Audience")
    SENT = "sent", _("Sent")
    DELIVERED = "delivered", _("Delivered")
    CLICKED = "clicked", _("Clicked")
    ORDERED = "ordered", _("Ordered")
    LEFT_OUT = "left-out", _("Left out")
    BOUNCED = "bounced", _("Bounced")
    UNSUBSCRIBED = "unsubscribed", _("Unsubscribed")
    COMPLAINED = "complained", _("Marked as spam")


def recipients(run: Run, group: Group, *, link_key: str = "") -> QuerySet[Message]:
    """The messages of ``run`` in ``group``, with ``first_click`` by a person; ``link_key`` narrows to who followed a link."""
    clicks = Hit.objects.clicks().by_people().filter(message=OuterRef("pk"))
    orders = credited_orders().filter(subscriber=OuterRef("subscriber"), credited_run=run.pk)
    chosen = {
        Group.ALL: Q(),
        Group.SENT: Q(state=MessageState.SENT),
        Group.DELIVERED: Q(delivered_at__isnull=False),
        Group.CLICKED: Exists(clicks),
        Group.ORDERED: Exists(orders),
        Group.LEFT_OUT: ~Q(state__in=[MessageState.SENT, MessageState.IN_DOUBT, *OPEN_STATES]),
        Group.BOUNCED: Q(bounced_at__isnull=False),
        Group.UNSUBSCRIBED: Q(unsubscribed_at__isnull=False),
        Group.COMPLAINED: Q(complained_at__isnull=False),
    }[group]
    first_click = clicks.order_by().values("message").annotate(first=Min("at")).values("first")
    found = Message.objects.filter(chosen, run=run).annotate(first_click=Subquery(first_click))
    if link_key:
        found = found.filter(Exists(clicks.filter(link__key=link_key)))
    return found.select_related("subscriber").order_by("pk")
