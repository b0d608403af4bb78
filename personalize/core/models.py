"""Rows about the installation itself: the working processes and how they are doing."""

from __future__ import annotations

from django.db import models


class Worker(models.Model):
    """A process that looks for due work; ``beat_at`` shows liveness by progress, not by a ping."""

    uuid = models.UUIDField(primary_key=True, editable=False)
    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField(db_index=True)
    looks = models.PositiveBigIntegerField(default=0)
    found = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"
