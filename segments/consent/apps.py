"""App configuration."""

from __future__ import annotations

from django.apps import AppConfig


class ConsentConfig(AppConfig):
    name = "segments.consent"
    label = "consent"
    verbose_name = "Consent"
