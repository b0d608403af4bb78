"""App configuration."""

from __future__ import annotations

from django.apps import AppConfig


class ContentConfig(AppConfig):
    name = "personalize.content"
    label = "content"
    verbose_name = "Content"
