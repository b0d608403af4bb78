"""App configuration."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DashboardConfig(AppConfig):
    name = "personalize.dashboard"
    label = "dashboard"
    verbose_name = "Dashboard"

    def ready(self) -> None:
        from personalize.core.registries import MenuEntry, Panel, menu, panels
        from personalize.dashboard.panels import first_steps, sending_health

        menu.add(MenuEntry("home", _("Home"), "home", "dashboard:home", "report.view", order=10))
        panels.add(Panel("first-steps", "home.main", "dashboard/_first_steps.html", first_steps, order=0))
        panels.add(Panel("sending-health", "frame.foot", "dashboard/_sending_health.html", sending_health))
