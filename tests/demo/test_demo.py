"""The one command, as somebody types it who has just got the source."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from personalize.demo.environment import ROOT

pytestmark = pytest.mark.server
SECONDS = 240


def environment(folder: Path) -> dict[str, str]:
    """That of a stranger: nothing set but where the demo may write."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "VIRTUAL_ENV")}
    return {**kept, "VAR_DIR": str(folder), "PERSONALIZE_NO_BOOTSTRAP": "1"}


def demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "demo", "--port", "0", *arguments],
        cwd=ROOT,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def processes_of(folder: Path) -> list[str]:
    """The command lines of living processes that work in this folder."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and f"VAR_DIR={folder}\0".encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except (OSError, PermissionError):
            continue
    return [line for line in found if line]


def test_the_demo_sends_its_newsletter_says_so_and_leaves_nobody_behind(tmp_path):
    first = demo(tmp_path, "--once", "--subscribers", "60")
    assert first.returncode == 0, first.stdout + first.stderr
    figures = re.search(r"(\d+) people = (\d+) sent \+ (\d+) skipped", first.stdout)
    assert figures is not None
    people, sent, skipped = map(int, figures.groups())
    assert people == sent + skipped
    assert sent > 30
    assert f"{sent} of {sent} mails caught, each once" in first.stdout
    assert "Ann Whitaker: “For the longer evenings, Ann”" in first.stdout
    assert "h.petrov@inbox.example: “For the longer evenings”" in first.stdout
    assert "Log in        maya@alderandwren.example" in first.stdout
    assert processes_of(tmp_path) == []

    second = demo(tmp_path, "--once", "--subscribers", "60")
    assert second.returncode == 0, second.stdout + second.stderr
    assert "Found the shop" in second.stdout
    assert f"{people} people = {sent} sent + {skipped} skipped" in second.stdout
    assert f"{sent} of {sent} mails caught, each once" in second.stdout


def test_the_empty_demo_stays_until_told_to_end_and_refuses_a_second_one_beside_it(tmp_path):
    with (tmp_path / "out").open("w+") as out:
        running = subprocess.Popen(
            [sys.executable, "manage.py", "demo", "--port", "0", "--empty"],
            cwd=ROOT,
            env=environment(tmp_path),
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            end = time.monotonic() + SECONDS
            while "Ctrl-C ends everything" not in (tmp_path / "out").read_text():
                assert running.poll() is None, (tmp_path / "out").read_text()
                assert time.monotonic() < end
                time.sleep(0.2)
            beside = demo(tmp_path, "--empty", "--once")
            assert beside.returncode != 0
            assert "runs in" in beside.stderr
            assert len(processes_of(tmp_path)) > 4
        finally:
            running.send_signal(signal.SIGINT)
            running.wait(60)
    said = (tmp_path / "out").read_text()
    assert "Nothing is set up yet" in said
    assert said.rstrip().endswith("Everything has stopped.")
    assert running.returncode == 0
    assert processes_of(tmp_path) == []


def test_a_process_that_dies_ends_the_demo_with_its_log(tmp_path):
    # A folder where the broker wants its own keeps the worker from starting.
    (tmp_path / "broker").mkdir()
    (tmp_path / "broker" / "messages").write_text("in the way")
    done = demo(tmp_path, "--empty")
    assert done.returncode != 0
    assert re.search(r"The process ‘(worker|beat)’ ended with status", done.stderr)
    assert processes_of(tmp_path) == []


def test_a_demo_ended_before_its_job_is_done_does_not_claim_success(tmp_path):
    running = subprocess.Popen(
        [sys.executable, "manage.py", "demo", "--port", "0", "--once", "--subscribers", "60"],
        cwd=ROOT,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    assert "Stocked the shop" in running.stdout.readline()
    running.terminate()
    said = running.communicate(timeout=60)[0]
    assert "Ended before the job was done" in said
    assert running.returncode == 130
    assert processes_of(tmp_path) == []
