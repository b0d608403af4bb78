"""App configuration."""

from __future__ import annotations

from django.apps import AppConfig


class CommerceConfig(AppConfig):
    name = "segments.commerce"
    label = "commerce"
    verbose_name = "Commerce"
