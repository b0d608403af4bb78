"""App configuration: what this app tells the registries."""

from __future__ import annotations

from django.apps import AppConfig


class CommerceConfig(AppConfig):
    name = "segments.commerce"
    label = "commerce"
    verbose_name = "Commerce"

    def ready(self) -> None:
        from personalize.core import registries
        from segments.commerce import lists
        from segments.commerce.timeline import TIMELINE

        for column in lists.columns():
            registries.list_columns.add(column)
        registries.stats.add(registries.StatSource("orders", "subscriber", lists.stats, order=10))
        registries.timeline.add(TIMELINE)
        registries.personal_data.add(
            registries.PersonalData(
                key="commerce.order",
                model="commerce.Order",
                export=True,
                erase="kept without the person",
                merge="moved",
                retention="for ever, for the books",
            )
        )
        registries.personal_data.add(
            registries.PersonalData(
                key="commerce.order_line",
                model="commerce.OrderLine",
                export=True,
                erase="kept without the person",
                merge="moved",
                retention="for ever, for the books",
            )
        )
        registries.personal_data.add(
            registries.PersonalData(
                key="commerce.refund",
                model="commerce.Refund",
                export=True,
                erase="kept without the person",
                merge="moved",
                retention="for ever, for the books",
            )
        )
        registries.personal_data.add(
            registries.PersonalData(
                key="commerce.refund_line",
                model="commerce.RefundLine",
                export=True,
                erase="kept without the person",
                merge="moved",
                retention="for ever, for the books",
            )
        )
