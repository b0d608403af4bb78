"""App configuration."""

from __future__ import annotations

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "personalize.dashboard"
    label = "dashboard"
    verbose_name = "Dashboard"
