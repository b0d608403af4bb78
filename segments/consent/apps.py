"""App configuration: what this app tells the registries."""

from __future__ import annotations

from django.apps import AppConfig


class ConsentConfig(AppConfig):
    name = "segments.consent"
    label = "consent"
    verbose_name = "Consent"

    def ready(self) -> None:
        from personalize.core import registries
        from segments.consent import lists, personal, suppression_listing
        from segments.consent.timeline import TIMELINE

        registries.list_columns.add(lists.column())
        registries.list_filters.add(lists.topic_filter())
        for view in lists.views():
            registries.list_views.add(view)
        registries.menu.add(suppression_listing.menu_entry())
        registries.panels.add(lists.proof_panel())
        registries.timeline.add(TIMELINE)
        for declared in personal.declared():
            registries.personal_data.add(declared)
        for kept in personal.kept():
            registries.retention.add(kept)
