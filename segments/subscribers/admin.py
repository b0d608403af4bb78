"""The administration's pages for people and the attributes they may have."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from personalize.core.administration import ReadOnlyAdmin
from segments.subscribers.models import (
    AttributeDefinition,
    ExternalId,
    ListMember,
    Merge,
    QuarantinedValue,
    StaticList,
    Subscriber,
)
from segments.subscribers.services import define_attribute, definition_problem


@admin.register(Subscriber)
class SubscriberAdmin(ReadOnlyAdmin):
    """Read only: names are folded, addresses hashed and consent proved by the services."""

    list_display = ("email", "first_name", "last_name", "country", "language", "tracking", "created_at")
    list_filter = ("tracking", "country", "language", ("erased_at", admin.EmptyFieldListFilter))
    search_fields = ("email", "first_name_folded", "last_name_folded", "external_ids__value")


@admin.register(ExternalId)
class ExternalIdAdmin(ReadOnlyAdmin):
    list_display = ("source", "value", "subscriber")
    list_filter = ("source",)
    list_select_related = ("subscriber",)
    search_fields = ("value", "subscriber__email")


class AttributeDefinitionForm(forms.ModelForm):  # type: ignore[type-arg]  # Not subscriptable when it runs.
    """Refuses what the service would refuse, beside the field."""

    class Meta:
        model = AttributeDefinition
        fields = ("key", "label", "type", "unit", "choices", "sensitive", "self_service", "fallback")

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        problem = definition_problem(
            key=given.get("key", self.instance.key),
            type=given.get("type", self.instance.type),
            choices=given.get("choices", ()),
        )
        if problem is not None:
            raise ValidationError({problem.field if problem.field in self.fields else "label": problem.reason})
        return given


@admin.register(AttributeDefinition)
class AttributeDefinitionAdmin(ModelAdmin):  # type: ignore[misc]  # unfold brings no types.
    form = AttributeDefinitionForm
    list_display = ("label", "key", "type", "unit", "sensitive")
    list_filter = ("type", "sensitive")
    search_fields = ("key", "label")

    def get_readonly_fields(self, request: HttpRequest, obj: AttributeDefinition | None = None) -> tuple[str, ...]:
        return ("key", "type") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: AttributeDefinition, form: Any, change: bool) -> None:
        stored = define_attribute(
            key=obj.key,
            label=obj.label,
            type=obj.type,
            actor=request.user,
            unit=obj.unit,
            choices=obj.choices,
            sensitive=obj.sensitive,
            self_service=obj.self_service,
            fallback=obj.fallback,
        )
        if isinstance(stored, AttributeDefinition):
            obj.pk = stored.pk


@admin.register(QuarantinedValue)
class QuarantinedValueAdmin(ReadOnlyAdmin):
    list_display = ("key", "raw", "reason", "subscriber", "source", "line", "at")
    list_filter = ("key", "source")
    list_select_related = ("subscriber",)


@admin.register(StaticList)
class StaticListAdmin(ReadOnlyAdmin):
    list_display = ("name", "description", "created_at")
    search_fields = ("name",)


@admin.register(ListMember)
class ListMemberAdmin(ReadOnlyAdmin):
    list_display = ("list", "subscriber", "added_at", "source")
    list_filter = ("list",)
    list_select_related = ("list", "subscriber")


@admin.register(Merge)
class MergeAdmin(ReadOnlyAdmin):
    list_display = ("survivor", "duplicate", "at", "actor")
    list_select_related = ("survivor",)
