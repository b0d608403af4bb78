"""App configuration of automations."""

from __future__ import annotations

from django.apps import AppConfig


class AutomationsConfig(AppConfig):
    name = "campaigns.automations"
    label = "automations"
    verbose_name = "Automations"

    def ready(self) -> None:
        from campaigns.automations import personal, services
        from personalize.core import registries

        for declaration in personal.declared():
            registries.personal_data.add(declaration)
        registries.mail_groups.add(registries.MailGroupSource("automations", services.named))
