"""App configuration: the engine looks, people's timelines show their mails."""

from __future__ import annotations

from django.apps import AppConfig


class DeliveryConfig(AppConfig):
    name = "campaigns.delivery"
    label = "delivery"
    verbose_name = "Delivery"

    def ready(self) -> None:
        from campaigns.delivery import doubt, engine
        from campaigns.delivery.timeline import register
        from personalize.core.queue import register_look

        register_look("delivery", engine.look)
        register_look("delivery.doubt", doubt.look)
        register()
