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
        from personalize.accounts import roles, trail
        from personalize.core import audit, permissions
        from personalize.core.registries import MenuEntry, Tab, menu, tabs

        permissions.register_policy(roles.policy)
        audit.register_writer(trail.write)
        menu.add(
            MenuEntry("settings", _("Settings"), "settings", "accounts:brand", "settings.edit", group="-", order=900)
        )
        tabs.add(Tab("settings-brand", "settings", _("Brand"), lambda _target: reverse("accounts:brand"), order=10))
