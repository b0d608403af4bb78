"""The first command on a bare machine: what it installs, when it does so again, and when it keeps its hands off.

The program is real; only the interpreter inside `.venv` is a script that writes down what it is asked to do, so that no
test needs a network. The build itself starts from nothing, and so tries the rest.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FAKE = """#!/bin/sh
echo "$@" >> "$0.calls"
case "$*" in *"{failing}"*) echo "cannot reach https://user:secret@index.example/simple" >&2; exit 1;; esac
"""


class Machine:
    """A copy of the project's first files, with a `.venv` whose interpreter keeps a diary."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / ".venv" / "bin" / "python"
        self.stamp = folder / ".venv" / "personalize-installed"
        self.python.parent.mkdir(parents=True)
        (folder / "personalize").mkdir()
        for name in ("manage.py", "personalize/bootstrap.py", "requirements.txt", "requirements-dev.txt"):
            shutil.copy(ROOT / name, folder / name)
        self.fails_at("nothing")

    def fails_at(self, words: str) -> None:
        self.python.write_text(FAKE.format(failing=words))
        self.python.chmod(0o755)

    def installed(self, *names: str) -> None:
        """Note down that these requirement files are installed as they are now."""
        lines = [f"{name} {hashlib.sha256((self.folder / name).read_bytes()).hexdigest()}\n" for name in names]
        self.stamp.write_text("".join(lines))

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Start manage.py with a Python that sees no installed package (-S)."""
        return subprocess.run(
            [sys.executable, "-S", "manage.py", *arguments],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], **environment},
            capture_output=True,
            text=True,
        )

    @property
    def calls(self) -> list[str]:
        diary = Path(f"{self.python}.calls")
        return diary.read_text().splitlines() if diary.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_current_environment_is_started_at_once_with_the_same_arguments(machine):
    machine.installed("requirements.txt")
    assert machine.run("check", "--deploy").stdout == ""
    assert machine.calls == ["manage.py check --deploy"]


def test_missing_packages_are_installed_with_uv_and_the_command_starts_over(machine):
    assert "Installed in" in machine.run("check").stdout
    install_uv, install, start = machine.calls
    assert install_uv == "-m pip install uv"
    assert install.startswith("-m uv pip install")
    assert install.endswith("--requirement requirements.txt")
    assert start == "manage.py check"
    machine.run("check")
    assert machine.calls[3:] == ["manage.py check"]


def test_changed_requirements_are_installed_again(machine):
    machine.installed("requirements.txt")
    with (machine.folder / "requirements.txt").open("a") as file:
        file.write("one-more==1.0\n")
    machine.run("check")
    assert any(call.startswith("-m uv") for call in machine.calls)


def test_the_test_command_installs_the_development_tools_too(machine):
    machine.installed("requirements.txt")
    machine.run("test", "-x")
    assert machine.calls[1].endswith("--requirement requirements-dev.txt")
    assert machine.calls[2] == "manage.py test -x"


def test_pip_takes_over_where_uv_fails(machine):
    machine.fails_at("uv pip")
    result = machine.run("check")
    assert machine.calls[2:] == ["-m pip install --requirement requirements.txt", "manage.py check"]
    assert "pip takes over" in result.stdout


def test_what_the_installers_say_is_shown_without_addresses(machine):
    machine.fails_at("pip")
    result = machine.run("check")
    assert result.returncode == 1
    assert "The packages could not be installed." in result.stderr
    assert "cannot reach (address)" in result.stderr
    assert "secret" not in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


def test_an_installation_that_broke_off_is_done_again(machine):
    machine.fails_at("pip")
    machine.run("check")
    machine.fails_at("nothing")
    machine.run("check")
    assert machine.calls[-1] == "manage.py check"


def test_an_environment_that_cannot_be_used_is_said_once_and_not_tried_for_ever(machine):
    machine.installed("requirements.txt")
    result = machine.run("check", PERSONALIZE_BOOTSTRAPPED="1")
    assert result.returncode == 1
    assert "Delete that folder" in result.stderr
    assert machine.calls == []


def test_whoever_opts_out_is_left_alone(machine):
    result = machine.run("check", PERSONALIZE_NO_BOOTSTRAP="1")
    assert "No module named 'django'" in result.stderr
    assert machine.calls == []


def test_an_active_environment_with_django_is_left_alone(machine):
    result = subprocess.run(
        [sys.executable, "-c", "import sys; from personalize.bootstrap import ensure_environment as e; e(sys.argv)"],
        cwd=machine.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (result.stdout, machine.calls) == ("", [])
