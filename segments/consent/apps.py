"""App configuration: what this app tells the registries."""

from __future__ import annotations

from django.apps import AppConfig
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


class ConsentConfig(AppConfig):
    name = "segments.consent"
    label = "consent"
    verbose_name = "Consent"

    def ready(self) -> None:
        from personalize.core import registries
        from personalize.core.registries import FirstRunStep, MenuEntry
        from segments.consent import lists, personal, suppression_listing
        from segments.consent.models import Topic
        from segments.consent.timeline import TIMELINE

        registries.menu.add(
            MenuEntry("topics", _("Topics"), "label", "consent:topics", "people.view", group=_("Audience"), order=330)
        )
        registries.menu.add(
            MenuEntry(
                "forms", _("Sign-up forms"), "edit_note", "consent:forms", "people.view", group=_("Audience"), order=340
            )
        )
        registries.creations.add(
            MenuEntry("form", _("Sign-up form"), "edit_note", "consent:form_new", "audience.edit", order=40)
        )
        registries.first_run.add(
            FirstRunStep(
                "topic",
                _("Say what people can follow"),
                _("A topic is what they say yes to; a sign-up form asks them."),
                url=lambda: reverse("consent:topic_new"),
                done=Topic.objects.exists,
                order=20,
            )
        )
        registries.list_columns.add(lists.column())
        registries.list_filters.add(lists.topic_filter())
        for view in lists.views():
            registries.list_views.add(view)
        registries.menu.add(suppression_listing.menu_entry())
        registries.panels.add(lists.proof_panel())
        registries.timeline.add(TIMELINE)
        for declared in personal.declared():
            registries.personal_data.add(declared)
        registries.retention.add(personal.unconfirmed())
