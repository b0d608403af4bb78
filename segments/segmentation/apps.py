"""App configuration: makes the kinds of rules known and brings segments into the frame."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SegmentationConfig(AppConfig):
    name = "segments.segmentation"
    label = "segmentation"
    verbose_name = "Segmentation"

    def ready(self) -> None:
        from personalize.core import hooks, queue, registries
        from personalize.core.registries import MenuEntry, Panel, SearchSource, menu, panels, search
        from segments.segmentation import listing, membership, personal, receivers, usages
        from segments.segmentation.builder import doings, people, purchases, standing
        from segments.segmentation.builder.parts import editors
        from segments.segmentation.models import Segment
        from segments.segmentation.rules import (
            anchors,
            attributes,
            buckets,
            events,
            landmarks,
            lists,
            orders,
            places,
            references,
            sequences,
            topics,
        )
        from segments.segmentation.rules.kinds import kinds

        for editor in (
            people.ATTRIBUTE,
            people.NEAR,
            purchases.ORDERS,
            doings.EVENT,
            doings.SEQUENCE,
            *standing.EDITORS,
        ):
            editors.add(editor)
        for module in (attributes, places, orders, events, sequences, topics, lists, references, buckets):
            kinds.add(module.KIND)
        for anchor in landmarks.KINDS:
            anchors.add(anchor)
        menu.add(
            MenuEntry(
                "segments",
                _("Segments"),
                "filter_alt",
                "segmentation:list",
                "people.view",
                group=_("Audience"),
                order=310,
                count=Segment.objects.count,
            )
        )
        search.add(SearchSource("segments", _("Segments"), listing.hits, order=40))
        panels.add(
            Panel("segments.person", "subscriber.side", "segmentation/_person.html", listing.of_person, order=25)
        )
        for source in usages.sources():
            registries.usages.add(source)
        for declared in personal.declared():
            registries.personal_data.add(declared)
        hooks.event_recorded.listen(receivers.on_event_recorded)
        hooks.consent_changed.listen(receivers.on_consent_changed)
        hooks.subscriber_changed.listen(receivers.on_people_changed)
        hooks.facts_changed.listen(receivers.on_people_changed)
        hooks.outcome_applied.listen(receivers.on_outcome_applied)
        queue.register_look("segmentation", membership.look)
