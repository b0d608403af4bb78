"""A segment: a named rule tree that says whom is meant."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Segment(models.Model):
    """A named set of people, defined by ``rule`` (rule JSON, version 1) and never stored as a list."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=120, unique=True)
    description = models.CharField(max_length=255, blank=True)
    rule = models.JSONField(help_text=_("Rule JSON, version 1; see docs/segments.md."))
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    lock_version = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class SegmentSnapshot(models.Model):
    """Who is in a segment that somebody follows was noted: by which definition (a hash), when, and when to look again.

    ``taken_at`` is null until everybody was noted for the first time.
    """

    segment = models.OneToOneField(Segment, on_delete=models.CASCADE, related_name="snapshot")
    definition = models.CharField(max_length=64, blank=True)
    taken_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.segment_id} {self.taken_at}"


class Membership(models.Model):
    """That a person was in a followed segment when that was last looked at, and since which look."""

    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="memberships")
    subscriber = models.ForeignKey("subscribers.Subscriber", on_delete=models.CASCADE, related_name="memberships")
    joined_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["segment", "subscriber"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.subscriber_id} in {self.segment_id}"
