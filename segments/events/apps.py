"""App configuration: what this app tells the registries."""

from __future__ import annotations

from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "segments.events"
    label = "events"
    verbose_name = "Events"

    def ready(self) -> None:
        from personalize.core import hooks, registries
        from segments.events import personal
        from segments.events.receivers import on_consent_changed
        from segments.events.timeline import TIMELINE

        hooks.consent_changed.listen(on_consent_changed)
        registries.timeline.add(TIMELINE)
        for declared in personal.declared():
            registries.personal_data.add(declared)
        for kept in personal.kept():
            registries.retention.add(kept)
