"""Hits in the admin, to be looked at only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from campaigns.tracking.models import Hit


@admin.register(Hit)
class HitAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types.
    list_display = ("at", "kind", "verdict", "method", "agent", "message")
    list_filter = ("kind", "verdict")
    list_select_related = ("message",)
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
