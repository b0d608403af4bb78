"""App configuration."""

from __future__ import annotations

from django.apps import AppConfig
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "personalize.accounts"
    label = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        from personalize.accounts import brand, personal, roles, trail
        from personalize.core import audit, permissions, registries
        from personalize.core.registries import FirstRunStep, MenuEntry, Tab, first_run, menu, tabs

        permissions.register_policy(roles.policy)
        audit.register_writer(trail.write)
        menu.add(
            MenuEntry("settings", _("Settings"), "settings", "accounts:brand", "settings.edit", group="-", order=900)
        )
        tabs.add(Tab("settings-brand", "settings", _("Brand"), lambda _target: reverse("accounts:brand"), order=10))
        tabs.add(Tab("settings-keys", "settings", _("API keys"), lambda _target: reverse("accounts:keys"), order=60))
        first_run.add(
            FirstRunStep(
                "brand",
                _("Say who sends the mail"),
                _("Name, postal address and language; the address stands under every marketing mail."),
                url=lambda: reverse("accounts:brand"),
                done=brand.says_who_it_is,
                order=10,
            )
        )
        for declared in personal.declared():
            registries.personal_data.add(declared)
        for kept in personal.kept():
            registries.retention.add(kept)
