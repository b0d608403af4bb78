"""App configuration."""

from __future__ import annotations

from django.apps import AppConfig


class SubscribersConfig(AppConfig):
    name = "segments.subscribers"
    label = "subscribers"
    verbose_name = "Subscribers"
