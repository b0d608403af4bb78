"""App configuration of the shared kernel."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.backends.signals import connection_created


class CoreConfig(AppConfig):
    name = "personalize.core"
    label = "core"

    def ready(self) -> None:
        from personalize.core import checks as checks
        from personalize.core import queue, retention
        from personalize.core.database import prepare_connection

        connection_created.connect(prepare_connection, dispatch_uid="core.prepare_connection")
        queue.register_look("core.retention", retention.look)
