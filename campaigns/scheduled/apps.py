"""App configuration: campaigns whose time has come are looked for; rules may name one."""

from __future__ import annotations

from django.apps import AppConfig


class ScheduledConfig(AppConfig):
    name = "campaigns.scheduled"
    label = "scheduled"
    verbose_name = "Campaigns"

    def ready(self) -> None:
        from campaigns.scheduled import anchors, services
        from campaigns.scheduled.looking import look
        from campaigns.scheduled.panels import register
        from personalize.core.queue import register_look
        from personalize.core.registries import MailGroupSource, mail_groups
        from segments.segmentation.rules import anchors as rule_anchors

        register_look("campaigns", look)
        rule_anchors.add(anchors.KIND)
        register()
        mail_groups.add(MailGroupSource("campaigns", services.named, goes_on=False))
