"""The parent's side: owns one capped child process, watches the clock, and ends the child when it overstays."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, cast

from personalize.rendering import frames
from personalize.rendering.limits import FRAME_BYTES
from personalize.rendering.types import Analysis, Failure, Job, Problem, Rendered

_ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 20.0
# The first second belongs to a busy machine, not to the template.
_SLACK_SECONDS = 0.5


class _Ended(Exception):
    """The child overstayed its time or died; it has been killed and reaped."""


class Renderer:
    """Renders mails in one child process, which is started at first use and again after it had to be killed.

    Not for use by several threads at once. ``memory_mb`` caps the child's address space, ``message_seconds`` the time for
    one mail, ``compile_seconds`` the time for one set of sources.
    """

    def __init__(self, *, memory_mb: int, message_seconds: float, compile_seconds: float) -> None:
        self.memory_mb = memory_mb
        self.message_seconds = message_seconds
        self.compile_seconds = compile_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = bytearray()

    def __enter__(self) -> Renderer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child; the renderer may be used again afterwards."""
        process, self._process = self._process, None
        self._buffer.clear()
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()

    def check(self, sources: dict[str, str]) -> list[Problem]:
        """What is wrong with the sources, part by part; empty when all of them can be used."""
        return self.analyse(sources).problems

    def analyse(self, sources: dict[str, str]) -> Analysis:
        """Look at the sources without data. Parts whose name starts with ``html`` escape what they print."""
        try:
            self._send({"do": "check", "sources": sources})
            answer = self._receive(self.compile_seconds)
        except _Ended:
            return Analysis(problems=[Problem("", 0, "The template takes too long, or needs too much memory.")])
        return Analysis(
            problems=[Problem(part, line, message) for part, line, message in answer["problems"]],
            fields={part: tuple(paths) for part, paths in answer["fields"].items()},
        )

    def render(self, key: str, sources: dict[str, str], jobs: Sequence[Job]) -> list[Rendered | Failure]:
        """Render all jobs, in order, from one set of sources; ``key`` names the set and stands for the same text for ever.

        A job that takes too long, or too much memory, becomes a Failure; those before and after it are rendered.
        """
        done: list[Rendered | Failure] = []
        while len(done) < len(jobs):
            self._render_until_trouble(key, sources, jobs[len(done) :], done)
        return done

    def _render_until_trouble(
        self, key: str, sources: dict[str, str], jobs: Sequence[Job], done: list[Rendered | Failure]
    ) -> None:
        """Add results to ``done`` until all jobs are through or one has cost the child its life; that one's is added too."""
        work = [(job.parts, job.data) for job in jobs]
        try:
            self._send({"do": "render", "key": key, "jobs": work})
            answer = self._receive(self.compile_seconds)
            if "unknown" in answer:
                self._send({"do": "render", "key": key, "sources": sources, "jobs": work})
                answer = self._receive(self.compile_seconds)
        except _Ended:
            answer = {"refused": "the template takes too long to compile, or needs too much memory"}
        if "refused" in answer:
            done.extend(Failure(job.id, f"render: {answer['refused']}") for job in jobs)
            return
        for job in jobs:
            try:
                answer = self._receive(self.message_seconds)
            except _Ended:
                done.append(Failure(job.id, "render: it takes too long, or needs too much memory"))
                return
            if "failed" in answer:
                done.append(Failure(job.id, f"render: {answer['failed']}"))
            else:
                done.append(Rendered(job.id, answer["parts"], tuple(answer["fallbacks"])))

    def _send(self, message: dict[str, Any]) -> None:
        frame = frames.pack(message)
        process = self._process
        if process is None or process.poll() is not None:
            process = self._start()
        pipe = cast("IO[bytes]", process.stdin)
        try:
            pipe.write(frame)
            pipe.flush()
        except BrokenPipeError as error:
            self.close()
            raise _Ended from error

    def _start(self) -> subprocess.Popen[bytes]:
        """Start the child with an environment that holds nothing worth stealing."""
        self.close()
        self._process = process = subprocess.Popen(  # noqa: S603  Our own module, no shell, no input in the arguments.
            [
                *(sys.executable, "-m", "personalize.rendering.child"),
                *(str(self.memory_mb), str(self.compile_seconds), str(self.message_seconds)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=_ROOT,
            env={"PYTHONPATH": str(_ROOT), "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"},
            start_new_session=True,
        )
        try:
            self._receive(_START_SECONDS)
        except _Ended as error:
            raise RuntimeError("The process that renders mails does not start.") from error
        return process

    def _receive(self, seconds: float) -> dict[str, Any]:
        """The child's next answer; raises _Ended, with the child killed, when it does not come in time."""
        process = cast("subprocess.Popen[bytes]", self._process)
        pipe = cast("IO[bytes]", process.stdout).fileno()
        deadline = time.monotonic() + seconds + _SLACK_SECONDS
        while (answer := self._answer_in_hand()) is None:
            if not _readable(pipe, deadline - time.monotonic()):
                break
            chunk = os.read(pipe, 1 << 18)
            if not chunk or len(self._buffer) > FRAME_BYTES:
                break
            self._buffer += chunk
        else:
            return answer
        self.close()
        raise _Ended

    def _answer_in_hand(self) -> dict[str, Any] | None:
        """The first whole answer among the bytes read so far."""
        size = frames.size(self._buffer)
        if size is None or len(self._buffer) < size:
            return None
        answer = frames.unpack(bytes(self._buffer[:size]))
        del self._buffer[:size]
        return answer


def _readable(pipe: int, seconds: float) -> bool:
    """Whether there is something to read within that time."""
    poll = select.poll()
    poll.register(pipe, select.POLLIN | select.POLLHUP)
    return bool(poll.poll(max(seconds, 0) * 1000))
