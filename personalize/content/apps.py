"""App configuration."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _


class ContentConfig(AppConfig):
    name = "personalize.content"
    label = "content"
    verbose_name = _("Content")

    def ready(self) -> None:
        from personalize.content import fields, search, trigger_editor, trigger_rules, usages
        from personalize.core import registries
        from segments.segmentation.builder.parts import editors
        from segments.segmentation.rules import schema
        from segments.segmentation.rules.kinds import kinds

        fields.register()
        kinds.add(trigger_rules.KIND)
        schema.add(trigger_rules.KIND.key, trigger_rules.json_schema)
        editors.add(trigger_editor.EDITOR)
        registries.search.add(registries.SearchSource("templates", _("Templates"), search.find))
        registries.menu.add(
            registries.MenuEntry(
                "templates",
                _("Templates"),
                "article",
                "content:templates",
                "content.edit",
                group=_("Content"),
                order=400,
            )
        )
        registries.actions.add(
            registries.PageAction(
                "preview",
                "subscriber",
                lambda person: gettext("Preview a mail as %(name)s") % {"name": person.first_name or person},
                "visibility",
                search.preview_for,
                "content.edit",
            )
        )
        for source in usages.sources():
            registries.usages.add(source)
