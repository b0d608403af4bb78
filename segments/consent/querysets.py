"""Who may be mailed: selection of subscriptions and suppressions."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from segments.consent.models import Subscription, Suppression  # noqa: F401  Annotation only.
    from segments.subscribers.models import Subscriber


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def in_force(self, at: dt.datetime) -> SubscriptionQuerySet:
        """Subscriptions that allow mail at ``at``: joined, and not paused beyond it."""
        return self.filter(Q(state="subscribed"), Q(paused_until__isnull=True) | Q(paused_until__lte=at))

    def waiting(self, since: dt.datetime) -> SubscriptionQuerySet:
        """Subscriptions that wait for confirmation, asked for after ``since``."""
        return self.filter(state="pending", changed_at__gt=since)

    def followed_by(self, subscriber: Subscriber) -> SubscriptionQuerySet:
        """The marketing topics that a person follows, paused or not."""
        return self.filter(subscriber=subscriber, state="subscribed", topic__kind="marketing")


class SuppressionQuerySet(models.QuerySet["Suppression"]):
    def in_force(self, at: dt.datetime) -> SuppressionQuerySet:
        """Suppressions that still hold at ``at``."""
        return self.filter(Q(until__isnull=True) | Q(until__gt=at))

    def concerning(self, topic_id: int | None) -> SuppressionQuerySet:
        """Suppressions that stand in the way of a mail on this topic."""
        return self.filter(Q(topic__isnull=True) | Q(topic_id=topic_id))

    def unreachable(self, address_key: str, at: dt.datetime) -> SuppressionQuerySet:
        """What says that this address takes no mail at all, or never again one from here."""
        return self.in_force(at).filter(
            address_key=address_key, topic__isnull=True, reason__in=("bounced", "complained", "erased")
        )
