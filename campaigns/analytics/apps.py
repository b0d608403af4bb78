"""App configuration: what analytics brings to the navigation, to campaigns and to Home."""

from __future__ import annotations

from django.apps import AppConfig
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


class AnalyticsConfig(AppConfig):
    name = "campaigns.analytics"
    label = "analytics"
    verbose_name = "Analytics"

    def ready(self) -> None:
        from campaigns.analytics import automations, panels
        from personalize.core import registries

        registries.menu.add(
            registries.MenuEntry(
                key="reports",
                label=_("Reports"),
                icon="monitoring",
                url_name="analytics:index",
                action="report.view",
                group="-",
                order=800,
            )
        )
        registries.tabs.add(
            registries.Tab(
                key="report",
                page="campaign",
                label=_("Report"),
                url=lambda campaign: reverse("analytics:report", args=[campaign.uuid]) if campaign.run_id else None,
                order=50,
            )
        )
        registries.tabs.add(
            registries.Tab(
                key="automation-report",
                page="automation",
                label=_("Report"),
                url=lambda automation: reverse("analytics:automation_report", args=[automation.uuid]),
                order=50,
            )
        )
        registries.panels.add(
            registries.Panel(
                key="analytics.trend",
                page="home.main",
                template="analytics/_trend.html",
                context=panels.trend,
                order=900,
            )
        )
        registries.panels.add(
            registries.Panel(
                key="analytics.arrival",
                page="home.side",
                template="analytics/_arrival.html",
                context=panels.arrival,
                order=900,
            )
        )
        registries.stats.add(registries.StatSource("analytics", "automation", automations.stats, order=10))
        registries.list_columns.add(
            registries.ListColumn(
                "orders_from_mail",
                "automations",
                _("Orders from its mail"),
                automations.orders_by_automation,
                show=lambda orders, row: orders or 0,
                number=True,
            )
        )
