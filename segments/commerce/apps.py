"""App configuration: what this app tells the registries."""

from __future__ import annotations

from django.apps import AppConfig
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


class CommerceConfig(AppConfig):
    name = "segments.commerce"
    label = "commerce"
    verbose_name = "Commerce"

    def ready(self) -> None:
        from personalize.core import registries
        from segments.commerce import catalogue, lists, personal
        from segments.commerce.timeline import CARTS, TIMELINE

        registries.menu.add(
            registries.MenuEntry(
                "products",
                _("Products"),
                "inventory_2",
                "commerce:products",
                "report.view",
                group=_("Content"),
                order=530,
            )
        )
        registries.tabs.add(
            registries.Tab(
                "settings-connections",
                "settings",
                _("Connections"),
                lambda _target: reverse("commerce:connections"),
                order=40,
            )
        )
        registries.list_columns.add(catalogue.sold_column())
        for column in lists.columns():
            registries.list_columns.add(column)
        registries.stats.add(registries.StatSource("orders", "subscriber", lists.stats, order=10))
        registries.timeline.add(TIMELINE)
        registries.timeline.add(CARTS)
        for declared in personal.declared():
            registries.personal_data.add(declared)
        for kept in personal.kept():
            registries.retention.add(kept)
