"""The administration's pages for people who work here, the audit trail and the brand."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from personalize.accounts.models import ApiKey, AuditEntry, Brand, IdempotentAnswer, User
from personalize.core import audit
from personalize.core.administration import ReadOnlyAdmin

# What people may do follows from their role, never from groups.
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[misc,type-arg]  # unfold brings no types.
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    ordering = ("email",)
    list_display = ("email", "first_name", "last_name", "role", "is_active", "last_login")
    list_filter = ("role", "is_active")
    search_fields = ("email", "first_name", "last_name")
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("email", "password", "first_name", "last_name", "time_zone")}),
        (_("Rights"), {"fields": ("role", "is_active", "is_staff", "is_superuser")}),
        (_("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    readonly_fields = ("last_login", "date_joined")
    add_fieldsets = ((None, {"classes": ("wide",), "fields": ("email", "role", "password1", "password2")}),)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        audit.record(
            actor=request.user,
            action="user.edit" if change else "user.add",
            target=obj,
            role=obj.role,
            fields=sorted(form.changed_data),
        )

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        audit.record(actor=request.user, action="user.delete", target=obj, role=obj.role)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet[User]) -> None:
        for user in queryset:
            audit.record(actor=request.user, action="user.delete", target=user, role=user.role)
        super().delete_queryset(request, queryset)


@admin.register(AuditEntry)
class AuditEntryAdmin(ModelAdmin):  # type: ignore[misc]  # unfold brings no types.
    """Read only: the trail is added to by actions and changed by nobody."""

    list_display = ("at", "actor", "action", "target_label", "reason")
    list_filter = ("action",)
    search_fields = ("actor", "action", "target_label")
    date_hierarchy = "at"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        return False


@admin.register(Brand)
class BrandAdmin(ModelAdmin):  # type: ignore[misc]  # unfold brings no types.
    """Only to look at the whole row; the brand page of the dashboard is where it is changed."""

    list_display = ("name", "website", "currency", "language")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Brand | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Brand | None = None) -> bool:
        return False


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    list_display = ("name", "prefix", "source", "created_at", "used_at", "revoked_at")


@admin.register(IdempotentAnswer)
class IdempotentAnswerAdmin(ReadOnlyAdmin):
    exclude = ("body",)
    list_display = ("api_key", "key", "status", "created_at")
    list_select_related = ("api_key",)
