"""Imports as rows: what is to be read, how, how far it came, and the rows that were rejected."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _


class ImportKind(models.TextChoices):
    SUBSCRIBERS = "subscribers", _("Subscribers")
    PRODUCTS = "products", _("Products")
    ORDERS = "orders", _("Orders")
    EVENTS = "events", _("Events")


class ImportState(models.TextChoices):
    UPLOADED = "uploaded", _("Waits for its columns to be named")
    READY = "ready", _("Waits for its turn")
    RUNNING = "running", _("Running")
    PAUSED = "paused", _("Paused")
    HELD = "held", _("Held for a look")
    FINISHED = "finished", _("Finished")
    FAILED = "failed", _("Stopped by an error")
    CANCELLED = "cancelled", _("Cancelled")


class Import(models.Model):
    """One file on its way in. The row is the job: a worker claims it by lease, and ``cursor`` commits with each chunk.

    ``columns`` maps a column of the file to {"field": …, "policy": "set" | "fill" | "append"}; columns left out are
    ignored. ``options`` holds what only one kind knows (such as the prefix of refunds). ``counts`` are figures by name.
    ``cursor`` is how many records were dealt with, whatever became of them; ``mark`` is where in the file the next one
    begins, as the lines and bytes before it.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=12, choices=ImportKind)
    state = models.CharField(max_length=10, choices=ImportState, default=ImportState.UPLOADED)
    name = models.CharField(max_length=255, help_text=_("The file's name as it was given."))
    path = models.CharField(max_length=500, blank=True, help_text=_("Where it lies until the import is over."))
    digest = models.CharField(max_length=64, help_text=_("SHA-256 of its bytes."))
    size = models.BigIntegerField()
    encoding = models.CharField(max_length=40, default="utf-8-sig")
    columns = models.JSONField(default=dict, blank=True)
    source = models.CharField(max_length=40, default="import")
    topic = models.ForeignKey("consent.Topic", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    basis = models.CharField(
        max_length=80, blank=True, help_text=_("The declared legal ground for mailing these people.")
    )
    wording = models.TextField(blank=True)
    options = models.JSONField(default=dict, blank=True)
    dry_run = models.BooleanField(default=False)
    cursor = models.PositiveIntegerField(default=0)
    mark = models.JSONField(default=list, blank=True)
    total = models.PositiveIntegerField(null=True, blank=True, help_text=_("Records in the file, once counted."))
    counts = models.JSONField(default=dict, blank=True)
    rejected = models.PositiveIntegerField(default=0)
    reason = models.CharField(max_length=500, blank=True, help_text=_("Why it is held, paused or failed."))
    actor = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    token = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            # Read by the workers that look for something to import.
            models.Index(fields=["state", "created_at"], name="import_by_state"),
            # Read when the same file comes again.
            models.Index(fields=["digest"], name="import_by_digest"),
        ]

    def __str__(self) -> str:
        return self.name


class Rejection(models.Model):
    """A record that was not taken: where it stands, why, and what it says. Removed with the import's file."""

    job = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="rejections", db_index=False)
    line = models.PositiveIntegerField()
    reason = models.CharField(max_length=500)
    values = models.JSONField()

    class Meta:
        indexes = [models.Index(fields=["job", "line"], name="rejection_by_line")]

    def __str__(self) -> str:
        return f"{self.line}: {self.reason}"
