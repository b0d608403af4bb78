"""App configuration: what this app tells the registries."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SubscribersConfig(AppConfig):
    name = "segments.subscribers"
    label = "subscribers"
    verbose_name = "Subscribers"

    def ready(self) -> None:
        from django.urls import reverse

        from personalize.core import queue, registries
        from segments.subscribers import lists, panels, people, personal, rights, timeline

        queue.register_look("subscribers.erased", rights.look)

        registries.menu.add(
            registries.MenuEntry(
                "subscribers",
                _("Subscribers"),
                "group",
                "subscribers:list",
                "people.view",
                group=_("Audience"),
                order=300,
            )
        )
        registries.search.add(registries.SearchSource("people", _("People"), people.hits, order=10))
        for declared in personal.declared():
            registries.personal_data.add(declared)
        for source in timeline.sources():
            registries.timeline.add(source)
        for name, label, icon, action, order in (
            ("address", _("Change address"), "alternate_email", "people.edit", 10),
            ("merge", _("Merge with another"), "merge", "people.edit", 20),
            ("export", _("Hand out data"), "download", "people.export", 30),
            ("erase", _("Erase"), "delete", "erase", 40),
        ):
            registries.actions.add(
                registries.PageAction(
                    f"subscriber-{name}",
                    "subscriber.more",
                    label=lambda _person, label=label: label,  # type: ignore[misc]  # Bound now, not at the end of the loop.
                    icon=icon,
                    url=lambda person, name=name: reverse(f"subscribers:{name}", args=[person.uuid]),  # type: ignore[misc]
                    action=action,
                    order=order,
                )
            )
        registries.search.add(registries.SearchSource("lists", _("Lists"), lists.hits, order=50))
        panels.register()
