"""The administration's page for what people did."""

from __future__ import annotations

from django.contrib import admin

from personalize.core.administration import ReadOnlyAdmin
from segments.events.models import Event


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """Read only: an event is what happened."""

    list_display = ("occurred_at", "name", "subject", "subscriber", "source", "historic", "processed_at")
    list_filter = ("historic", ("processed_at", admin.EmptyFieldListFilter))
    list_select_related = ("subscriber",)
    search_fields = ("=name", "=subject", "=subscriber__email", "=idempotency_key")
