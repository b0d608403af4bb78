"""A real Celery worker beside a test: another process, with the product's own settings, on the test's database."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).parent.parent


def database_url() -> str:
    """Where another process finds the database this test writes to."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlunsplit(urlsplit(os.environ["TEST_DATABASE_URL"])._replace(path=f"/{name}"))


def wait_until(true: Callable[[], object], *, seconds: float = 20.0, what: str = "It") -> None:
    """Return as soon as ``true()`` is; fail the test when that takes longer than ``seconds``."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:.0f} s."
        time.sleep(0.05)


class RealWorker:
    """One `celery worker` process of one child. ``environment`` adds to, or replaces, what it is told."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.log_path = folder / "worker.log"
        self._environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "personalize.settings",
            "DATABASE_URL": database_url(),
            "CELERY_BROKER_URL": settings.CELERY_BROKER_URL,
            "SECRET_KEY": settings.SECRET_KEY,
            "VAR_DIR": str(settings.VAR),
            "LOG_LEVEL": "INFO",
            **environment,
        }

    def start(self) -> None:
        """Start the process and return once it takes tasks."""
        command = [sys.executable, "-m", "celery", "-A", "personalize.celery", "worker", "--concurrency=1"]
        command += ["--without-gossip", "--without-mingle", "--loglevel=INFO"]
        with self.log_path.open("a") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )
        wait_until(self._is_ready, seconds=120, what="The worker's start")

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, f"The worker ended at its start:\n{self.log}"
        return " ready." in self.log

    @property
    def log(self) -> str:
        """Everything the worker has said so far."""
        return self.log_path.read_text() if self.log_path.exists() else ""

    def succeeded(self, task: str) -> int:
        """How often the task of that name ran to its end here."""
        return sum(f"Task {task}[" in line and "succeeded" in line for line in self.log.splitlines())

    def stop(self) -> None:
        """End it as an operator would, letting it finish what it has in hand."""
        self.process.terminate()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it and its children at once, as a power cut would."""
        os.killpg(self.process.pid, 9)
        self.process.wait()
