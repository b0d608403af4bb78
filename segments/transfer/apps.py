"""App configuration: what this app tells the registries."""

from __future__ import annotations

from django.apps import AppConfig


class TransferConfig(AppConfig):
    name = "segments.transfer"
    label = "transfer"
    verbose_name = "Transfer"

    def ready(self) -> None:
        from personalize.core import queue, registries
        from segments.transfer import engine, frame, personal

        queue.register_look("transfer.imports", engine.look)
        for declared in personal.declared():
            registries.personal_data.add(declared)
        for kept in personal.kept():
            registries.retention.add(kept)
        frame.register()
