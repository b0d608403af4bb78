"""App configuration."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DashboardConfig(AppConfig):
    name = "personalize.dashboard"
    label = "dashboard"
    verbose_name = "Dashboard"

    def ready(self) -> None:
        from personalize.core.registries import MenuEntry, menu

        menu.add(MenuEntry("home", _("Home"), "home", "dashboard:home", "report.view", order=10))
