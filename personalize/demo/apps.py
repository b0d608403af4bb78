"""App configuration."""

from __future__ import annotations

from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "personalize.demo"
    label = "demo"
    verbose_name = "Demo"
