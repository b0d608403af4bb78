"""Delivery in the admin: senders can be edited, the ledger can only be read."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from campaigns.delivery.models import (
    Batch,
    FrequencyCount,
    FrequencyRule,
    Link,
    Mailing,
    Message,
    Outcome,
    Run,
    Sender,
    SenderAccount,
)
from personalize.core.administration import ReadOnlyAdmin


@admin.register(SenderAccount)
class SenderAccountAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ["name", "backend", "paused_at", "paused_reason"]
    readonly_fields = ["paused_at", "paused_reason"]
    search_fields = ["name"]


@admin.register(Sender)
class SenderAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ["name", "email", "reply_to", "account"]
    list_select_related = ["account"]
    search_fields = ["name", "email"]


class LinkInline(TabularInline):  # type: ignore[misc]
    model = Link
    fields = ["number", "label", "url", "block", "product_code"]
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Mailing)
class MailingAdmin(ReadOnlyAdmin):
    list_display = ["name", "kind", "topic", "sender", "gate", "created_at"]
    list_filter = ["kind", "gate", "topic"]
    list_select_related = ["topic", "sender"]
    search_fields = ["name"]
    inlines = [LinkInline]


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = ["uuid", "owner_kind", "state", "audience", "as_of", "created_at", "expanded_at"]
    list_filter = ["state", "owner_kind"]


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    list_display = ["uuid", "mailing", "subscriber", "state", "reason", "attempt", "due_at", "handed_at", "code"]
    list_filter = ["state", "reason"]
    list_select_related = ["mailing", "subscriber"]
    search_fields = ["uuid", "subscriber__email"]
    show_full_result_count = False


@admin.register(Batch)
class BatchAdmin(ReadOnlyAdmin):
    list_display = ["token", "worker", "lease_until"]


@admin.register(FrequencyRule)
class FrequencyRuleAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ["name", "most", "count", "unit", "window", "otherwise", "enabled"]


@admin.register(FrequencyCount)
class FrequencyCountAdmin(ReadOnlyAdmin):
    list_display = ["subscriber", "day", "count"]
    list_select_related = ["subscriber"]
    date_hierarchy = "day"


@admin.register(Outcome)
class OutcomeAdmin(ReadOnlyAdmin):
    list_display = ["kind", "message", "at", "received_at"]
    list_filter = ["kind"]
    list_select_related = ["message"]
    show_full_result_count = False
