"""App configuration: the inbox of caught mail is in the menu where mail is caught, and erasure knows of it."""

from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _


class DemoConfig(AppConfig):
    name = "personalize.demo"
    label = "demo"
    verbose_name = "Demo"

    def ready(self) -> None:
        from personalize.core import registries
        from personalize.demo import personal

        for declared in personal.declared():
            registries.personal_data.add(declared)
        if settings.DEMO:
            registries.menu.add(
                registries.MenuEntry(
                    "caught", _("Caught mail"), "inbox", "demo:caught", "people.view", group="-", order=850
                )
            )
