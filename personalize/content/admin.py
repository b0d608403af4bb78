"""Templates in the administration; versions can be looked at and never changed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from personalize.content.models import Template, TemplateVersion


@admin.register(Template)
class TemplateAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types.
    list_display = ("name", "subject", "updated_at")
    search_fields = ("name", "subject")
    readonly_fields = ("uuid", "created_at", "updated_at", "lock_version")


@admin.register(TemplateVersion)
class TemplateVersionAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types.
    list_display = ("template", "number", "subject", "created_by", "created_at")
    list_select_related = ("template", "created_by")
    search_fields = ("template__name", "subject")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
