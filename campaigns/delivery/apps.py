"""App configuration: the engine looks, requested mails are written, people's timelines show their mails, rules ask about
them, the limits have a tab.
"""

from __future__ import annotations

from django.apps import AppConfig
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


class DeliveryConfig(AppConfig):
    name = "campaigns.delivery"
    label = "delivery"
    verbose_name = "Delivery"

    def ready(self) -> None:
        from campaigns.delivery import anchors, doubt, engine, message_editor, message_rules, message_schema, receivers
        from campaigns.delivery.timeline import register
        from personalize.core.hooks import mail_requested
        from personalize.core.queue import register_look
        from personalize.core.registries import Tab, tabs
        from segments.segmentation.builder.parts import editors
        from segments.segmentation.rules import anchors as rule_anchors
        from segments.segmentation.rules import schema
        from segments.segmentation.rules.kinds import kinds

        kinds.add(message_rules.KIND)
        schema.add(message_schema.KEY, message_schema.json_schema)
        editors.add(message_editor.EDITOR)
        register_look("delivery", engine.look)
        register_look("delivery.doubt", doubt.look)
        mail_requested.listen(receivers.on_mail_requested)
        rule_anchors.add(anchors.KIND)
        register()
        tabs.add(Tab("settings-limits", "settings", _("Limits"), lambda _target: reverse("delivery:limits"), order=50))
