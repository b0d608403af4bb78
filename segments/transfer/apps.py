"""App configuration."""

from __future__ import annotations

from django.apps import AppConfig


class TransferConfig(AppConfig):
    name = "segments.transfer"
    label = "transfer"
    verbose_name = "Transfer"
