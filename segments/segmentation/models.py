"""A segment: a named rule tree that says whom is meant."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class SegmentMode(models.TextChoices):
    LIVE = "live", _("Live: asked whenever it is used")
    INCREMENTAL = "incremental", _("Kept: who comes and goes is noted within seconds")
    SNAPSHOT = "snapshot", _("Snapshot: as it was when it was last taken")


class Segment(models.Model):
    """A named set of people, defined by ``rule`` (rule JSON, version 1).

    ``mode`` says when the rule is asked. Who is in a kept segment is stored beside it; only of a snapshot is that an answer.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=120, unique=True)
    description = models.CharField(max_length=255, blank=True)
    rule = models.JSONField(help_text=_("Rule JSON, version 1; see docs/segments.md."))
    mode = models.CharField(max_length=11, choices=SegmentMode, default=SegmentMode.LIVE)
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

    @property
    def meaning(self) -> dict[str, Any]:
        """The rule by which the segment is used: its own, or, of a snapshot, that one was in it when it was taken."""
        if self.mode == SegmentMode.SNAPSHOT:
            return {"v": 1, "all": [{"segment": str(self.uuid)}]}
        return dict(self.rule)


class Cause(models.TextChoices):
    """Why people come and go. A new definition and an import are news to us, not of the people: they trigger nothing."""

    DATA = "data", _("Something about the person changed")
    TIME = "time", _("Time passed")
    DEFINITION = "definition", _("The segment means others now")
    IMPORT = "import", _("A file was imported")


class SegmentSnapshot(models.Model):
    """What is known of who is in a segment.

    ``kept`` says that the memberships are kept up to date, by the rules that ``definition`` is a hash of; it is empty until
    everybody was noted for the first time. ``taken_at`` is when everybody was last asked about, ``due_at`` when they are
    next, ``why`` for what cause if not to make sure, ``asked`` counts how often somebody wanted that, and until
    ``busy_until`` somebody is about to. ``counted_at`` is
    the instant at which ``people`` were in it, which it took ``took_ms`` to find out.
    """

    segment = models.OneToOneField(Segment, on_delete=models.CASCADE, related_name="snapshot")
    kept = models.BooleanField(default=False)
    definition = models.CharField(max_length=64, blank=True)
    taken_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(db_index=True)
    why = models.CharField(max_length=10, choices=Cause, blank=True)
    asked = models.PositiveIntegerField(default=0)
    busy_until = models.DateTimeField(null=True, blank=True)
    counted_at = models.DateTimeField(null=True, blank=True)
    people = models.PositiveIntegerField(null=True, blank=True)
    took_ms = models.PositiveIntegerField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.segment_id} {self.taken_at}"


class SegmentFigure(models.Model):
    """How many people were in a segment on a day, by the shop's calendar."""

    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="figures", db_index=False)
    day = models.DateField()
    people = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["segment", "day"], name="segment_figure_once_a_day")]

    def __str__(self) -> str:
        return f"{self.segment_id} {self.day}: {self.people}"


class Membership(models.Model):
    """That a person was in a segment when that was last looked at, and since when."""

    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="memberships", db_index=False)
    subscriber = models.ForeignKey("subscribers.Subscriber", on_delete=models.CASCADE, related_name="memberships")
    joined_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["segment", "subscriber"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.subscriber_id} in {self.segment_id}"


class SegmentTurn(models.Model):
    """When time alone may next change whether a person is in a kept segment; it may come too early, never too late."""

    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="turns", db_index=False)
    # Written by the million; who is gone by the time of their turn is simply not found.
    subscriber = models.ForeignKey(
        "subscribers.Subscriber", on_delete=models.CASCADE, related_name="+", db_constraint=False
    )
    due_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["segment", "subscriber"], name="segment_turn_once")]
        indexes = [
            # Read by the sweep: whose turn has come, the longest overdue first.
            models.Index(fields=["due_at"], name="segment_turn_due")
        ]

    def __str__(self) -> str:
        return f"{self.subscriber_id} in {self.segment_id} at {self.due_at}"


class TouchedPerson(models.Model):
    """That something about a person changed, or about anybody where ``subscriber`` is empty, and kept segments must ask again.

    Rows are only added, each with what it tells of, and taken by the sweep: two changes at once are two rows.
    """

    subscriber = models.ForeignKey(
        "subscribers.Subscriber",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    cause = models.CharField(max_length=10, choices=Cause)
    at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "touched people"

    def __str__(self) -> str:
        return f"{self.subscriber_id or 'everybody'}: {self.cause}"
