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
        from segments.subscribers import lists, panels, people, personal

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
        for declared in personal.declared():
            registries.personal_data.add(declared)
        registries.search.add(registries.SearchSource("lists", _("Lists"), lists.hits, order=50))
        panels.register()
