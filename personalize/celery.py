"""The Celery app, and the start of the looking thread in every pool child."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from celery import Celery
from celery.signals import worker_process_init, worker_process_shutdown

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "personalize.settings")

app = Celery("personalize")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@app.on_after_configure.connect
def make_broker_folders(sender: Celery, **_: Any) -> None:
    """The filesystem broker wants its folders to exist."""
    for folder in (sender.conf.broker_transport_options or {}).values():
        if isinstance(folder, str) and Path(folder).is_absolute():
            Path(folder).mkdir(parents=True, exist_ok=True)


@worker_process_init.connect
def start_looking(**_: Any) -> None:
    """Every pool child looks by itself, so that a dead broker costs nothing but its own absence."""
    from personalize.core import looking  # Models can be imported only once Django is set up.

    looking.start()


@worker_process_shutdown.connect
def stop_looking(**_: Any) -> None:
    """A child that ends finishes the mail in hand first."""
    from personalize.core import looking

    looking.stop()
