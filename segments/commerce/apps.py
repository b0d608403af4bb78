"""App configuration: what this app tells the registries."""

from __future__ import annotations

from django.apps import AppConfig


class CommerceConfig(AppConfig):
    name = "segments.commerce"
    label = "commerce"
    verbose_name = "Commerce"

    def ready(self) -> None:
        from personalize.core import registries
        from segments.commerce import lists, personal
        from segments.commerce.timeline import TIMELINE

        for column in lists.columns():
            registries.list_columns.add(column)
        registries.stats.add(registries.StatSource("orders", "subscriber", lists.stats, order=10))
        registries.timeline.add(TIMELINE)
        for declared in personal.declared():
            registries.personal_data.add(declared)
        for kept in personal.kept():
            registries.retention.add(kept)
