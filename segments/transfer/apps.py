"""App configuration: brings imports and exports into the frame."""

from __future__ import annotations

from django.apps import AppConfig


class TransferConfig(AppConfig):
    name = "segments.transfer"
    label = "transfer"
    verbose_name = "Transfer"

    def ready(self) -> None:
        from segments.transfer.frame import register

        register()
