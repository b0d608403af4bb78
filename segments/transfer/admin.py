"""The administration's pages for imports and the rows they rejected."""

from __future__ import annotations

from django.contrib import admin

from personalize.core.administration import ReadOnlyAdmin
from segments.transfer.models import Import, Rejection


@admin.register(Import)
class ImportAdmin(ReadOnlyAdmin):
    list_display = ("name", "kind", "state", "cursor", "total", "rejected", "created_at")
    list_filter = ("kind", "state")


@admin.register(Rejection)
class RejectionAdmin(ReadOnlyAdmin):
    list_display = ("job", "line", "reason")
    list_select_related = ("job",)
