"""The demo is closed in itself: it touches no database, broker or mail server of the installation."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from personalize.demo.environment import ROOT, free_port, is_free

ASK = "import json, os; from personalize.demo.environment import prepare; prepare({0!r}); print(json.dumps(dict(os.environ)))"


def prepared(folder: Path, *arguments: str, **variables: str) -> dict[str, str]:
    """The environment after ``prepare`` in a process of its own."""
    env = {**os.environ, "VAR_DIR": str(folder), **variables}
    done = subprocess.run(
        [sys.executable, "-c", ASK.format(list(arguments))],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout))


@pytest.fixture
def taken():
    """A port at which somebody listens."""
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        somebody.listen()
        yield somebody.getsockname()[1]


def test_what_the_installation_is_configured_for_is_left_alone(tmp_path):
    env = prepared(
        tmp_path,
        DATABASE_URL="postgres://production/db",
        REDIS_URL="redis://production",
        CELERY_BROKER_URL="redis://production",
        EMAIL_URL="smtp://mail.production",
        EMAIL_BACKEND="anymail.backends.mailgun.EmailBackend",
        CAUGHT_MAIL="/production/file",
        SECRET_KEY="the secret of the installation",
    )
    assert not [name for name, value in env.items() if "production" in value]
    assert env["EMAIL_BACKEND"] == "django.core.mail.backends.smtp.EmailBackend"
    assert env["EMAIL_URL"].startswith("smtp://127.0.0.1:")
    assert env["SECRET_KEY"] != "the secret of the installation"


def test_the_secret_is_made_once_kept_and_readable_by_its_owner_only(tmp_path):
    first, second = prepared(tmp_path), prepared(tmp_path)
    assert first["SECRET_KEY"] == second["SECRET_KEY"]
    assert len(first["SECRET_KEY"]) >= 50
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600
    assert prepared(tmp_path / "other")["SECRET_KEY"] != first["SECRET_KEY"]


def test_the_port_asked_for_is_the_one_in_the_addresses_of_mails(tmp_path):
    assert prepared(tmp_path, "--once", "--port", "8123")["BASE_URL"] == "http://127.0.0.1:8123"
    assert prepared(tmp_path, "--port=8124")["BASE_URL"] == "http://127.0.0.1:8124"


def test_port_0_takes_a_free_one(tmp_path):
    port = int(prepared(tmp_path, "--port", "0")["BASE_URL"].rpartition(":")[2])
    assert port not in (0, 8000)
    assert is_free(port)


def test_a_port_is_free_only_while_nobody_listens(taken):
    assert not is_free(taken)
    assert is_free(free_port())


def test_nothing_of_django_is_loaded_before_the_environment_is_settled():
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, personalize.demo.environment; print('django' in sys.modules)"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert loaded.stdout.strip() == "False"


def test_a_command_by_hand_has_the_secret_of_the_demo_it_works_on(tmp_path):
    secret = prepared(tmp_path)["SECRET_KEY"]
    kept = {name: value for name, value in os.environ.items() if name not in ("SECRET_KEY", "DJANGO_SETTINGS_MODULE")}
    ask = "from personalize import settings; print(settings.SECRET_KEY)"
    env = {**kept, "DEMO": "1", "VAR_DIR": str(tmp_path), "ENV_FILE": os.devnull}
    done = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == secret
