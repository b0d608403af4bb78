"""Selection of messages, in the words of the trade, and the two ways in which many of them do not leave now."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Count

from campaigns.delivery.types import OPEN_STATES, MessageState, SkipReason

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

    def skip(self, reason: SkipReason, *, at: dt.datetime) -> int:
        """Say at ``at`` that these do not leave, and why; how many they were."""
        return self.update(
            state=MessageState.SKIPPED, reason=reason, token=None, due_at=None, handed_at=None, settled_at=at
        )

    def put_off(self, *, until: dt.datetime, at: dt.datetime) -> None:
        """Let these wait until an instant; those it is too late for by then are skipped at ``at``."""
        self.filter(expires_at__lte=until).skip(SkipReason.TOO_LATE, at=at)
        self.exclude(expires_at__lte=until).update(state=MessageState.READY, token=None, due_at=until, handed_at=None)
