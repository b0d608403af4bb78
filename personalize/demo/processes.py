"""The demo's processes: started together, watched, and ended together, whatever happens to the one who started them."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PATIENCE_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1


class ChildDied(Exception):
    """A process ended that should run on; ``tail`` holds the last lines of its log."""

    def __init__(self, name: str, code: int, log: Path) -> None:
        self.tail = "\n".join(log.read_text(errors="replace").splitlines()[-25:])
        super().__init__(f"The process ‘{name}’ ended with status {code}. Its log is {log}.")


class NotReady(Exception):
    """A process runs but did not become ready in time."""


def _end_with_parent() -> None:
    """On Linux, have the kernel end the process when its parent is gone, even if that was killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Children:
    """A context manager over named processes; leaving it ends all of them, and their own children with them.

    ``ended`` tells whether somebody asked for the end: an interrupt that hits Python in a hook of its own, such as that of
    a fork, is swallowed there, so that ``check`` asks once more.
    """

    def __init__(self, *, logs: Path, folder: Path, ended: Callable[[], bool] = lambda: False) -> None:
        self._logs = logs
        self._folder = folder
        self._ended = ended
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Children:
        self._logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, name: str, *arguments: str) -> None:
        """Start a Python module or script as a process of this name, in a group and with a log of its own."""
        with self.log(name).open("wb") as log:
            self._running[name] = subprocess.Popen(  # noqa: S603  Our own interpreter, with our own arguments.
                [sys.executable, *arguments],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )

    def log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def check(self) -> None:
        """Raise KeyboardInterrupt when the end was asked for, ChildDied when one of them has ended."""
        if self._ended():
            raise KeyboardInterrupt
        for name, process in self._running.items():
            code = process.poll()
            if code is not None:
                raise ChildDied(name, code, self.log(name))

    def wait_until(self, ready: Callable[[], bool], what: str, *, seconds: float = 60.0) -> None:
        """Wait until ``ready()``; raises ChildDied when a process ends meanwhile, NotReady when it takes too long."""
        end = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > end:
                raise NotReady(f"{what} did not become ready within {seconds:.0f} s; the logs are in {self._logs}.")
            time.sleep(0.1)

    def stop(self) -> None:
        """End all of them: politely, and after some seconds without asking."""
        for process in self._running.values():
            if process.poll() is None:
                process.terminate()
        end = time.monotonic() + PATIENCE_SECONDS
        for process in self._running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, end - time.monotonic()))
            # Whatever is left of its group goes as well; mostly nothing is.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._running.clear()
