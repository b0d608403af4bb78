"""The demo's processes start, are watched and end together, and leave nobody behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from personalize.demo.processes import ChildDied, Children, NotReady

STAY = "import time; print('up', flush=True); time.sleep(60)"
WITH_A_CHILD = (
    "import subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
    " print(child.pid, flush=True); time.sleep(60)"
)
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


@pytest.fixture
def children(tmp_path: Path) -> Children:
    return Children(logs=tmp_path / "log", folder=tmp_path)


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False


def gone(pid: int) -> bool:
    end = time.monotonic() + 5
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.05)
    return not alive(pid)


def test_what_a_process_says_is_in_its_log(children):
    with children:
        children.start("talker", "-c", STAY)
        children.wait_until(lambda: "up" in children.log("talker").read_text(), "The talker")


def test_a_process_that_ends_early_is_told_with_the_end_of_its_log(children):
    with children:
        children.start("short", "-c", "print('what went wrong'); raise SystemExit(3)")
        with pytest.raises(ChildDied) as died:
            children.wait_until(lambda: False, "Nothing", seconds=20)
    assert "short" in str(died.value)
    assert "status 3" in str(died.value)
    assert died.value.tail == "what went wrong"


def test_waiting_for_somebody_who_never_gets_ready_ends(children):
    with children:
        children.start("idle", "-c", STAY)
        with pytest.raises(NotReady):
            children.wait_until(lambda: False, "The idler", seconds=0.3)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_children_of_a_process_end_with_it(children):
    with children:
        children.start("parent", "-c", WITH_A_CHILD)
        children.wait_until(lambda: children.log("parent").read_text().strip().isdigit(), "The child")
        pid = int(children.log("parent").read_text())
        assert alive(pid)
    assert gone(pid)


def test_who_does_not_listen_is_ended_all_the_same(children, monkeypatch):
    monkeypatch.setattr("personalize.demo.processes.PATIENCE_SECONDS", 0.3)
    with children:
        children.start("stubborn", "-c", STUBBORN)
        children.wait_until(lambda: "up" in children.log("stubborn").read_text(), "The stubborn one")
        pid = children._running["stubborn"].pid
    assert gone(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_when_the_demo_itself_is_killed_its_processes_end_too(tmp_path):
    script = (
        "import sys, time; from pathlib import Path; from personalize.demo.processes import Children;"
        f" children = Children(logs=Path({str(tmp_path)!r}), folder=Path({str(tmp_path)!r}));"
        f" children.__enter__(); children.start('one', '-c', {STAY!r});"
        " print(children._running['one'].pid, flush=True); time.sleep(60)"
    )
    demo = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=os.getcwd())
    assert demo.stdout is not None
    pid = int(demo.stdout.readline())
    assert alive(pid)
    demo.kill()
    demo.wait()
    assert gone(pid)


def test_an_interrupt_that_python_swallowed_still_ends_the_waiting(tmp_path):
    with Children(logs=tmp_path / "log", folder=tmp_path, ended=lambda: True) as children:
        children.start("idle", "-c", STAY)
        with pytest.raises(KeyboardInterrupt):
            children.wait_until(lambda: False, "Nothing", seconds=20)
