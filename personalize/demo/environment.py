"""What the demo's processes are told through the environment, settled before Django reads its settings.

Imports no Django. The demo is closed in itself: whatever database, broker or mail server this installation is configured
for, the demo uses its own SQLite file, its own folder as broker and its own mail catcher.
"""

from __future__ import annotations

import argparse
import os
import secrets
import socket
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
HOST = "127.0.0.1"
USUAL_PORT = 8000


def prepare(arguments: list[str]) -> None:
    """Set the environment for the ``demo`` command and for the processes it will start.

    ``arguments`` are those of the command; only ``--port`` matters here, since addresses in mails depend on it.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--port", type=int)
    known, _ = parser.parse_known_args(arguments)
    var = Path(os.environ.get("VAR_DIR") or ROOT / "var").resolve()
    var.mkdir(parents=True, exist_ok=True)
    os.environ.update(
        DEMO="1",
        DEBUG="0",
        VAR_DIR=str(var),
        SECRET_KEY=_secret(var / "secret.key"),
        LINK_KEYS="",
        ADDRESS_KEY="",
        BASE_URL=f"http://{HOST}:{_web_port(known.port)}",
        ALLOWED_HOSTS=f"{HOST},localhost",
        DATABASE_URL=f"sqlite:///{var / 'personalize.sqlite3'}",
        REDIS_URL="",
        CELERY_BROKER_URL="filesystem://localhost",
        EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
        EMAIL_URL=f"smtp://{HOST}:{free_port()}",
        CAUGHT_MAIL=str(var / "caught.sqlite3"),
    )


def _secret(path: Path) -> str:
    """The installation's secret, made once and kept, so that links in caught mails outlive a restart."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        secret = secrets.token_urlsafe(50)
        file.write(secret)
    return secret


def _web_port(wanted: int | None) -> int:
    """The port asked for (0: any free one); when none was, the usual one, or a free one where that is taken."""
    if wanted:
        return wanted
    if wanted is None and is_free(USUAL_PORT):
        return USUAL_PORT
    return free_port()


def is_free(port: int) -> bool:
    """Whether a server could listen on the port right now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
