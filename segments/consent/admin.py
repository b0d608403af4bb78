"""The administration's pages for topics, and the proof of what people allowed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from personalize.core.administration import ReadOnlyAdmin
from segments.consent.models import ConsentEntry, SignupForm, Subscription, Suppression, Topic


@admin.register(Topic)
class TopicAdmin(ModelAdmin):  # type: ignore[misc]  # unfold brings no types.
    list_display = ("name", "key", "kind", "opt_in", "frequency")
    list_filter = ("kind", "opt_in")
    search_fields = ("key", "name")

    def get_readonly_fields(self, request: HttpRequest, obj: Topic | None = None) -> tuple[str, ...]:
        """The key stands in proofs and links, so it stays."""
        return ("key",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyAdmin):
    """Read only: a subscription is the fold of the consent entries."""

    list_display = ("subscriber", "topic", "state", "changed_at", "paused_until")
    list_filter = ("topic", "state")
    list_select_related = ("subscriber", "topic")
    search_fields = ("subscriber__email",)


@admin.register(ConsentEntry)
class ConsentEntryAdmin(ReadOnlyAdmin):
    """Read only: proof is added to and never changed."""

    list_display = ("at", "subscriber", "topic", "action", "source", "basis")
    list_filter = ("action", "topic")
    list_select_related = ("subscriber", "topic")
    search_fields = ("subscriber__email", "source", "basis")


@admin.register(Suppression)
class SuppressionAdmin(ReadOnlyAdmin):
    """Read only: barring and freeing an address is audited by the services."""

    list_display = ("address_key", "topic", "reason", "source", "created_at", "until")
    list_filter = ("reason", "topic")
    list_select_related = ("topic",)
    search_fields = ("address_key", "source")


@admin.register(SignupForm)
class SignupFormAdmin(ReadOnlyAdmin):
    list_display = ("name", "key", "active", "created_at")
