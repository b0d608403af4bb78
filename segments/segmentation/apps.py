"""App configuration."""

from __future__ import annotations

from django.apps import AppConfig


class SegmentationConfig(AppConfig):
    name = "segments.segmentation"
    label = "segmentation"
    verbose_name = "Segmentation"
