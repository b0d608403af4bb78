"""App configuration: makes the kinds of rules known and brings segments into the frame."""

from __future__ import annotations

from django.apps import AppConfig


class SegmentationConfig(AppConfig):
    name = "segments.segmentation"
    label = "segmentation"
    verbose_name = "Segmentation"

    def ready(self) -> None:
        from segments.segmentation.rules import attributes, buckets, orders, references, topics
        from segments.segmentation.rules.kinds import kinds

        for module in (attributes, orders, topics, references, buckets):
            kinds.add(module.KIND)
