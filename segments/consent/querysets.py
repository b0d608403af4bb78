"""Who may be mailed: selection of subscriptions and suppressions."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from segments.consent.models import Subscription, Suppression  # noqa: F401  Annotation only.


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def in_force(self, at: dt.datetime) -> SubscriptionQuerySet:
        """Subscriptions that allow mail at ``at``: joined, and not paused beyond it."""
        return self.filter(Q(state="subscribed"), Q(paused_until__isnull=True) | Q(paused_until__lte=at))


class SuppressionQuerySet(models.QuerySet["Suppression"]):
    def in_force(self, at: dt.datetime) -> SuppressionQuerySet:
        """Suppressions that still hold at ``at``."""
        return self.filter(Q(until__isnull=True) | Q(until__gt=at))

    def concerning(self, topic_id: int | None) -> SuppressionQuerySet:
        """Suppressions that stand in the way of a mail on this topic."""
        return self.filter(Q(topic__isnull=True) | Q(topic_id=topic_id))
