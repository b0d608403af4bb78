"""App configuration: what this app tells the registries."""

from __future__ import annotations

from django.apps import AppConfig


class ConsentConfig(AppConfig):
    name = "segments.consent"
    label = "consent"
    verbose_name = "Consent"

    def ready(self) -> None:
        from personalize.core import registries
        from segments.consent import lists
        from segments.consent.timeline import TIMELINE

        registries.list_columns.add(lists.column())
        registries.list_filters.add(lists.topic_filter())
        for view in lists.views():
            registries.list_views.add(view)
        registries.panels.add(lists.proof_panel())
        registries.timeline.add(TIMELINE)
        registries.personal_data.add(
            registries.PersonalData(
                key="consent.subscription",
                model="consent.Subscription",
                export=True,
                erase="deleted",
                merge="the stricter state stays",
                retention="until erased",
            )
        )
        registries.personal_data.add(
            registries.PersonalData(
                key="consent.consent_entry",
                model="consent.ConsentEntry",
                export=True,
                erase="kept as proof, network prefix emptied",
                merge="moved",
                retention="for ever",
            )
        )
        registries.personal_data.add(
            registries.PersonalData(
                key="consent.suppression",
                model="consent.Suppression",
                export=True,
                erase="kept: it holds only the address key",
                merge="both stay",
                retention="until its date, or for ever",
            )
        )
