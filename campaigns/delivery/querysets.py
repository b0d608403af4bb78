"""Selection of messages, in the words of the trade."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Count

from campaigns.delivery.types import OPEN_STATES, MessageState

if TYPE_CHECKING:
    from campaigns.delivery.models import Message  # noqa: F401  Annotation only.


class MessageQuerySet(models.QuerySet["Message"]):
    def open(self) -> MessageQuerySet:
        """Messages that may still leave."""
        return self.filter(state__in=OPEN_STATES)

    def tally(self) -> dict[MessageState, int]:
        """How many messages stand in each state, zeros included; one query."""
        counts = dict(self.order_by().values_list("state").annotate(n=Count("pk")))
        return {state: counts.get(state.value, 0) for state in MessageState}
