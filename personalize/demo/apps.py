"""App configuration: the inbox of caught mail is in the menu where mail is caught."""

from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _


class DemoConfig(AppConfig):
    name = "personalize.demo"
    label = "demo"
    verbose_name = "Demo"

    def ready(self) -> None:
        if settings.DEMO:
            from personalize.core.registries import MenuEntry, menu

            menu.add(MenuEntry("caught", _("Caught mail"), "inbox", "demo:caught", "people.view", group="-", order=850))
