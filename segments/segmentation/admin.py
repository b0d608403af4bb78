"""Segments in the administration: where a rule is written as JSON."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from personalize.core import audit, clock, registries
from personalize.core.administration import ReadOnlyAdmin
from segments.segmentation import services
from segments.segmentation.forms import SegmentForm
from segments.segmentation.models import (
    Membership,
    Segment,
    SegmentFigure,
    SegmentSnapshot,
    SegmentTurn,
    TouchedPerson,
)


@admin.register(Segment)
class SegmentAdmin(ModelAdmin):  # type: ignore[misc]  # Unfold ships no types.
    form = SegmentForm
    list_display = ("name", "description", "mode", "updated_at")
    search_fields = ("name", "description")

    def save_model(self, request: HttpRequest, obj: Segment, form: Any, change: bool) -> None:
        obj.updated_at = clock.now()
        if change:
            obj.lock_version += 1
        else:
            obj.created_at, obj.created_by_id = obj.updated_at, request.user.pk
        super().save_model(request, obj, form, change)
        audit.record(actor=request.user, action="segment.edit", target=obj, created=not change)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, Any, Any, list[Any]]:
        """What uses one of them stands in the way, as rows do that must not lose theirs."""
        gone, counts, perms, protected = super().get_deleted_objects(objs, request)
        uses = [use for segment in objs for use in registries.uses_of("segment", segment)]
        return gone, counts, perms, [*protected, *(f"{state}: {label}" for label, state, _url in uses)]

    def delete_model(self, request: HttpRequest, obj: Segment) -> None:
        refused = services.delete_segment(segment=obj, actor=request.user)
        if refused is not None:
            # It came into use between the question and the answer.
            raise PermissionDenied(str(refused))

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for segment in queryset:
            self.delete_model(request, segment)


@admin.register(SegmentSnapshot)
class SegmentSnapshotAdmin(ReadOnlyAdmin):
    list_display = ("segment", "kept", "taken_at", "due_at", "why", "counted_at", "people", "took_ms")
    list_select_related = ("segment",)


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    list_display = ("segment", "subscriber", "joined_at")
    list_select_related = ("segment", "subscriber")
    show_full_result_count = False


@admin.register(SegmentFigure)
class SegmentFigureAdmin(ReadOnlyAdmin):
    list_display = ("segment", "day", "people")
    list_select_related = ("segment",)


@admin.register(SegmentTurn)
class SegmentTurnAdmin(ReadOnlyAdmin):
    list_display = ("segment", "subscriber", "due_at")
    list_select_related = ("segment", "subscriber")
    show_full_result_count = False


@admin.register(TouchedPerson)
class TouchedPersonAdmin(ReadOnlyAdmin):
    list_display = ("subscriber", "cause", "at")
    list_select_related = ("subscriber",)
    show_full_result_count = False
