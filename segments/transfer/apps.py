"""App configuration: what this app tells the registries."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TransferConfig(AppConfig):
    name = "segments.transfer"
    label = "transfer"
    verbose_name = "Transfer"

    def ready(self) -> None:
        from personalize.core import queue, registries
        from segments.transfer import engine, frame, rejects

        queue.register_look("transfer.imports", engine.look)
        registries.retention.add(
            registries.Retention("transfer.rejections", _("Rejected rows of imports"), 30, rejects.count, rejects.prune)
        )
        frame.register()
