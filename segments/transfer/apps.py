"""App configuration: what this app tells the registries."""

from __future__ import annotations

from django.apps import AppConfig


class TransferConfig(AppConfig):
    name = "segments.transfer"
    label = "transfer"
    verbose_name = "Transfer"

    def ready(self) -> None:
        from personalize.core import registries
        from segments.transfer import personal

        for declared in personal.declared():
            registries.personal_data.add(declared)
        for kept in personal.kept():
            registries.retention.add(kept)
