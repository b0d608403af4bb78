"""App configuration."""

from __future__ import annotations

from django.apps import AppConfig


class ScheduledConfig(AppConfig):
    name = "campaigns.scheduled"
    label = "scheduled"
    verbose_name = "Campaigns"
