"""App configuration: what this app tells the registries."""

from __future__ import annotations

from django.apps import AppConfig


class RecommendationsConfig(AppConfig):
    name = "personalize.recommendations"
    label = "recommendations"
    verbose_name = "Recommendations"

    def ready(self) -> None:
        from personalize.core.registries import Panel, panels
        from personalize.recommendations.panels import would_see

        panels.add(Panel("recommendations", "subscriber.side", "recommendations/_would_see.html", would_see, order=20))
