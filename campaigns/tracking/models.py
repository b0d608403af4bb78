"""Hits: every time a pixel or a link of a mail was asked for, by people and by machines."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from campaigns.tracking.querysets import HitQuerySet


class HitKind(models.TextChoices):
    OPEN = "open", _("Open")
    CLICK = "click", _("Click")


class Verdict(models.TextChoices):
    HUMAN = "human", _("A person")
    MACHINE = "machine", _("A machine")
    PROBABLE_MACHINE = "probable_machine", _("Probably a machine")
    UNKNOWN = "unknown", _("Not known")


class Hit(models.Model):
    """One request, with the verdict on who made it and why. Agent and address are kept 30 days, the verdict for ever.

    A click is ``unknown`` only until its surroundings have been seen.
    """

    message = models.ForeignKey("delivery.Message", on_delete=models.CASCADE, related_name="hits", db_index=False)
    link = models.ForeignKey("delivery.Link", null=True, blank=True, on_delete=models.SET_NULL, related_name="hits")
    kind = models.CharField(max_length=5, choices=HitKind)
    at = models.DateTimeField()
    method = models.CharField(max_length=7)
    agent = models.CharField(max_length=60, blank=True, help_text=_("Family of the user agent."))
    ip_prefix = models.CharField(max_length=45, blank=True)
    verdict = models.CharField(max_length=16, choices=Verdict)
    reasons = models.JSONField(default=list)
    rule_version = models.PositiveSmallIntegerField()

    objects = HitQuerySet.as_manager()

    class Meta:
        indexes = [
            # Read by the recognition of the next hit and by reports.
            models.Index(fields=["message", "kind", "at"], name="hit_by_message"),
            # Read by the clean-up of what is kept 30 days.
            models.Index(fields=["at"], name="hit_by_time"),
            # Read by the look that judges clicks; holds only those that wait.
            models.Index(fields=["at"], condition=Q(kind="click", verdict="unknown"), name="hit_waiting"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.message_id}"
