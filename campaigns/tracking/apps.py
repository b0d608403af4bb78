"""App configuration: what tracking brings to the worker, the timeline and the list of personal data."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TrackingConfig(AppConfig):
    name = "campaigns.tracking"
    label = "tracking"
    verbose_name = "Tracking"

    def ready(self) -> None:
        from campaigns.tracking import looks, personal, timeline
        from personalize.core import queue, registries

        queue.register_look("tracking.settle", looks.settle)
        registries.timeline.add(
            registries.TimelineSource(
                key="clicks", label=_("Clicks"), entries=timeline.entries, count=timeline.count, order=30
            )
        )
        for declared in personal.declared():
            registries.personal_data.add(declared)
        for kept in personal.kept():
            registries.retention.add(kept)
