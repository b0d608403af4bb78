"""App configuration: what this app tells the registries."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SubscribersConfig(AppConfig):
    name = "segments.subscribers"
    label = "subscribers"
    verbose_name = "Subscribers"

    def ready(self) -> None:
        from personalize.core import registries
        from segments.subscribers import people

        registries.menu.add(
            registries.MenuEntry(
                "subscribers",
                _("Subscribers"),
                "group",
                "subscribers:list",
                "people.view",
                group=_("Audience"),
                order=300,
            )
        )
        registries.search.add(registries.SearchSource("people", _("People"), people.hits, order=10))
        registries.personal_data.add(
            registries.PersonalData(
                key="subscribers.subscriber",
                model="subscribers.Subscriber",
                export=True,
                erase="columns emptied, address key kept",
                merge="survivor keeps its values, gaps are filled",
                retention="until erased",
            )
        )
        registries.personal_data.add(
            registries.PersonalData(
                key="subscribers.external_id",
                model="subscribers.ExternalId",
                export=True,
                erase="deleted",
                merge="moved unless the survivor has one of that source",
                retention="until erased",
            )
        )
