"""Campaigns in the admin: to look things up; they are sent from the dashboard or by command."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from campaigns.scheduled.models import Campaign, CampaignState, Variant


class VariantInline(TabularInline):  # type: ignore[misc]  # Unfold ships no types.
    model = Variant
    fields = ["key", "template", "weight"]
    extra = 0


@admin.register(Campaign)
class CampaignAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ["name", "state", "segment", "topic", "send_at", "started_at", "finished_at"]
    list_filter = ["state", "topic"]
    list_select_related = ["segment", "topic"]
    search_fields = ["name"]
    inlines = [VariantInline]
    readonly_fields = [
        "state",
        "send_at",
        "as_of",
        "pause_reason",
        "created_by",
        "created_at",
        "updated_at",
        "lock_version",
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None or obj.state == CampaignState.DRAFT

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is not None and obj.state == CampaignState.DRAFT
