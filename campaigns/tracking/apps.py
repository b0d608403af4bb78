"""App configuration."""

from __future__ import annotations

from django.apps import AppConfig


class TrackingConfig(AppConfig):
    name = "campaigns.tracking"
    label = "tracking"
    verbose_name = "Tracking"
