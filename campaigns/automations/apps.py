"""App configuration of automations."""

from __future__ import annotations

from django.apps import AppConfig


class AutomationsConfig(AppConfig):
    name = "campaigns.automations"
    label = "automations"
    verbose_name = "Automations"

    def ready(self) -> None:
        from campaigns.automations import anchors, following, personal, services, simulating
        from campaigns.automations.looking import look
        from campaigns.automations.panels import register
        from campaigns.automations.receivers import on_consent_changed, on_subscriber_changed
        from personalize.core import hooks, queue, registries
        from segments.segmentation.membership import Follower, followed
        from segments.segmentation.rules import anchors as rule_anchors

        hooks.consent_changed.listen(on_consent_changed)
        hooks.subscriber_changed.listen(on_subscriber_changed)
        queue.register_look("automations", look, before="delivery")
        queue.register_look("simulations", simulating.look)
        followed.add(Follower("automations", following.segments))
        rule_anchors.add(anchors.KIND)
        register()

        for declaration in personal.declared():
            registries.personal_data.add(declaration)
        for kind in personal.kept():
            registries.retention.add(kind)
        registries.mail_groups.add(registries.MailGroupSource("automations", services.named))
