"""Automations in the admin: to look things up; they are edited and run from the dashboard or by command."""

from __future__ import annotations

from django.contrib import admin
from unfold.admin import ModelAdmin

from campaigns.automations.models import (
    Automation,
    AutomationVersion,
    Call,
    DaySwept,
    Endpoint,
    Enrolment,
    LeftOut,
    Simulation,
    StepVisit,
)
from personalize.core.administration import ReadOnlyAdmin


@admin.register(Automation)
class AutomationAdmin(ReadOnlyAdmin):
    list_display = ["name", "state", "recipe", "topic", "priority", "live_since"]
    list_filter = ["state"]
    list_select_related = ["topic"]
    search_fields = ["name"]


@admin.register(AutomationVersion)
class AutomationVersionAdmin(ReadOnlyAdmin):
    list_display = ["automation", "number", "created_by", "created_at"]
    list_select_related = ["automation", "created_by"]


@admin.register(Enrolment)
class EnrolmentAdmin(ReadOnlyAdmin):
    list_display = ["uuid", "automation", "state", "reason", "step", "due_at", "created_at"]
    list_filter = ["state", "automation"]
    list_select_related = ["automation"]
    search_fields = ["=uuid", "=entry_key"]
    show_full_result_count = False


@admin.register(StepVisit)
class StepVisitAdmin(ReadOnlyAdmin):
    list_display = ["enrolment", "step", "outcome", "at"]
    list_select_related = ["enrolment"]
    show_full_result_count = False


@admin.register(LeftOut)
class LeftOutAdmin(ReadOnlyAdmin):
    list_display = ["automation", "entry_key", "reason", "at"]
    list_select_related = ["automation"]
    show_full_result_count = False


@admin.register(DaySwept)
class DaySweptAdmin(ReadOnlyAdmin):
    list_display = ["automation", "up_to"]
    list_select_related = ["automation"]


@admin.register(Simulation)
class SimulationAdmin(ReadOnlyAdmin):
    list_display = ["uuid", "automation", "version", "state", "created_at"]
    list_select_related = ["automation", "version__automation"]


@admin.register(Endpoint)
class EndpointAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ["name", "url", "enabled"]


@admin.register(Call)
class CallAdmin(ReadOnlyAdmin):
    list_display = ["uuid", "endpoint", "state", "attempt", "due_at", "code"]
    list_select_related = ["endpoint"]
    show_full_result_count = False
