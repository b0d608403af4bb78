"""Selection of people, in the words of the trade."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from personalize.core.database import fold

if TYPE_CHECKING:
    from segments.subscribers.models import Subscriber  # noqa: F401  Annotation only.


class SubscriberQuerySet(models.QuerySet["Subscriber"]):
    @staticmethod
    def present_q(prefix: str = "") -> Q:
        """People who are not erased; ``prefix`` is the path to the person, such as ``subscriber__``."""
        return Q(**{f"{prefix}erased_at__isnull": True})

    def present(self) -> SubscriberQuerySet:
        return self.filter(self.present_q())

    def matching(self, words: str) -> SubscriberQuerySet:
        """People whose address or name contains every word."""
        found = self.present()
        for word in fold(words).split():
            found = found.filter(
                Q(email__contains=word) | Q(first_name_folded__contains=word) | Q(last_name_folded__contains=word)
            )
        return found

    def named(self, words: str) -> SubscriberQuerySet:
        """People whose name contains every word; for readers who may not see addresses."""
        found = self.present()
        for word in fold(words).split():
            found = found.filter(Q(first_name_folded__contains=word) | Q(last_name_folded__contains=word))
        return found

    def since(self, at: dt.datetime) -> SubscriberQuerySet:
        """People we know since ``at`` or later."""
        return self.filter(created_at__gte=at)
