"""Selection of hits, in the words of the trade."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from campaigns.tracking.models import Hit  # noqa: F401  Annotation only.


class HitQuerySet(models.QuerySet["Hit"]):
    def clicks(self) -> HitQuerySet:
        return self.filter(kind="click")

    def by_people(self) -> HitQuerySet:
        """Hits judged to be a person's; those not yet judged are left out."""
        return self.filter(verdict="human")

    def by_machines(self) -> HitQuerySet:
        """Hits judged to be a machine's, for certain or probably."""
        return self.filter(verdict__in=["machine", "probable_machine"])

    def waiting(self, *, before: dt.datetime) -> HitQuerySet:
        """Clicks from before ``before`` that still wait for their verdict, oldest first."""
        return self.filter(kind="click", verdict="unknown", at__lte=before).order_by("at", "pk")
