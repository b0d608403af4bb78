"""The working processes in the admin: who looks for due work, and when each was last heard of."""

from __future__ import annotations

from django.contrib import admin

from personalize.core.administration import ReadOnlyAdmin
from personalize.core.models import Worker


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    list_display = ["host", "pid", "started_at", "beat_at", "looks", "found"]
