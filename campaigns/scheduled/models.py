"""A campaign and its variants."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class CampaignState(models.TextChoices):
    """draft → scheduled → sending ⇄ paused → finished; cancelled from scheduled, sending and paused."""

    DRAFT = "draft", _("Draft")
    SCHEDULED = "scheduled", _("Scheduled")
    SENDING = "sending", _("Sending")
    PAUSED = "paused", _("Paused")
    FINISHED = "finished", _("Sent")
    CANCELLED = "cancelled", _("Cancelled")


class Campaign(models.Model):
    """One content for one audience at one time.

    ``audience_rule`` freezes the rules of ``segment`` and ``excluded`` when the campaign is scheduled, and the definitions of
    the ``segments`` that these name: a later edit of any of them changes nothing here. ``as_of`` is set for a send that reads
    dated facts as they were at an earlier instant.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=120, unique=True)
    state = models.CharField(max_length=10, choices=CampaignState, default=CampaignState.DRAFT)
    segment = models.ForeignKey(
        "segmentation.Segment", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    excluded = models.ForeignKey(
        "segmentation.Segment", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    topic = models.ForeignKey("consent.Topic", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    sender = models.ForeignKey("delivery.Sender", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    send_at = models.DateTimeField(null=True, blank=True)
    as_of = models.DateTimeField(null=True, blank=True)
    audience_rule = models.JSONField(null=True, blank=True, editable=False)
    run = models.ForeignKey(
        "delivery.Run", null=True, blank=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    pause_reason = models.CharField(max_length=255, blank=True)
    started_at = models.DateTimeField(null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    lock_version = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state=CampaignState.DRAFT) | Q(send_at__isnull=False, audience_rule__isnull=False),
                name="campaign_scheduled_is_frozen",
            ),
            models.CheckConstraint(
                condition=~Q(state=CampaignState.PAUSED) | Q(pause_reason__gt=""), name="campaign_pause_has_reason"
            ),
        ]
        indexes = [
            # Read by the look for what is due, under way or to be finished.
            models.Index(
                fields=["send_at"], condition=Q(state__in=["scheduled", "sending"]), name="campaign_under_way"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Variant(models.Model):
    """One of a campaign's contents; a campaign without a test has one, called A."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="variants", db_index=False)
    key = models.CharField(max_length=1, default="A")
    template = models.ForeignKey("content.Template", on_delete=models.PROTECT, related_name="+")
    version = models.ForeignKey(
        "content.TemplateVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    mailing = models.OneToOneField(
        "delivery.Mailing", null=True, blank=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    weight = models.PositiveSmallIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "key"], name="variant_key")]
        ordering = ["key"]

    def __str__(self) -> str:
        return f"{self.campaign} {self.key}"
