"""App configuration."""

from __future__ import annotations

from django.apps import AppConfig


class RecommendationsConfig(AppConfig):
    name = "personalize.recommendations"
    label = "recommendations"
    verbose_name = "Recommendations"
