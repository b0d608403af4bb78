"""The process in which templates are compiled and run; started by ``renderer`` and by nobody else.

It reads requests from standard input, answers on standard output, and ends when its parent does. It takes its own rights
away before the first request: memory and processor time are capped, and it can write no file and start no process.
"""

from __future__ import annotations

import math
import resource
import sys
import time
from collections import OrderedDict
from typing import Any

import jinja2.debug  # noqa: F401  Loaded now, because the first error would load it too late.
from jinja2 import Template
from jinja2.exceptions import SecurityError, TemplateError, UndefinedError

from personalize.rendering import frames, headers
from personalize.rendering.limits import CACHED_TEMPLATES, OUTPUT_CHARS
from personalize.rendering.sandbox import NOT_AVAILABLE, Refused, Sandbox, compiled, inspect


class Mail:
    """The compiled parts of one mail, each bound to the environment it needs."""

    def __init__(self, sources: dict[str, str]) -> None:
        self.html = Sandbox(html=True)
        self.text = Sandbox(html=False)
        self.templates: dict[str, Template] = {
            part: compiled(self.html if is_html(part) else self.text, source) for part, source in sources.items()
        }

    def render(self, parts: list[str], data: dict[str, Any]) -> tuple[dict[str, str], list[str]]:
        """The finished parts, and the fields something else stood in for."""
        self.html.begin(data)
        self.text.begin(data)
        done = {part: self._one(part, data) for part in parts}
        return done, list(dict.fromkeys(self.text.noted + self.html.noted))

    def _one(self, part: str, data: dict[str, Any]) -> str:
        pieces: list[str] = []
        length = 0
        for piece in self.templates[part].generate(data):
            length += len(piece)
            if length > OUTPUT_CHARS:
                raise Refused(f"{part} is larger than {OUTPUT_CHARS:,} characters")
            pieces.append(piece)
        text = "".join(pieces)
        return headers.line(text) if part in ("subject", "preheader") else text


def is_html(part: str) -> bool:
    return part.startswith("html")


class Child:
    """Answers the requests of one parent."""

    def __init__(self, compile_seconds: float, message_seconds: float) -> None:
        self.compile_seconds = compile_seconds
        self.message_seconds = message_seconds
        self.mails: OrderedDict[str, Mail] = OrderedDict()

    def serve(self) -> None:
        self.answer({"ready": True})
        while True:
            lengths = sys.stdin.buffer.read(frames.LENGTHS.size)
            whole = frames.size(lengths)
            if whole is None:
                return
            request = frames.unpack(lengths + sys.stdin.buffer.read(whole - len(lengths)))
            if request["do"] == "check":
                self.check(request["sources"])
            else:
                self.render(request)

    def check(self, sources: dict[str, str]) -> None:
        allow_processor_time(self.compile_seconds)
        problems: list[tuple[str, int, str]] = []
        fields: dict[str, tuple[str, ...]] = {}
        for part, source in sources.items():
            try:
                fields[part] = inspect(Sandbox(html=is_html(part)), source)
            except Refused as refused:
                problems.append((part, refused.line, refused.message))
            except MemoryError:
                problems.append((part, 0, "The source needs too much memory."))
        self.answer({"problems": problems, "fields": fields})

    def render(self, request: dict[str, Any]) -> None:
        """Answer first whether the mail is at hand, then with one frame for each job."""
        key, sources = request["key"], request.get("sources")
        mail = self.mails.get(key)
        if mail is None:
            if sources is None:
                self.answer({"unknown": True})
                return
            allow_processor_time(self.compile_seconds)
            try:
                mail = Mail(sources)
            except Refused as refused:
                self.answer({"refused": refused.message})
                return
            except MemoryError:
                self.answer({"refused": "the template needs too much memory"})
                return
            self.mails[key] = mail
            if len(self.mails) > CACHED_TEMPLATES:
                self.mails.popitem(last=False)
        self.mails.move_to_end(key)
        self.answer({"compiled": True})
        allow_processor_time(self.message_seconds * len(request["jobs"]))
        for parts, data in request["jobs"]:
            try:
                done, fallbacks = mail.render(parts, data)
            except Exception as error:  # noqa: BLE001  Whatever a template raises concerns this one mail.
                self.answer({"failed": describe(error)})
            else:
                self.answer({"fallbacks": fallbacks}, done)

    def answer(self, head: dict[str, Any], parts: dict[str, str] | None = None) -> None:
        sys.stdout.buffer.write(frames.pack(head, parts))
        sys.stdout.buffer.flush()


def describe(error: BaseException) -> str:
    """Why a mail failed, in words that repeat no value of a person."""
    if isinstance(error, Refused):
        return error.message
    if isinstance(error, UndefinedError | SecurityError):
        return error.message or "a field is empty"
    if isinstance(error, MemoryError):
        return "it needs too much memory"
    if isinstance(error, ZeroDivisionError):
        return f"division by zero{where(error)}"
    if isinstance(error, TemplateError):
        return f"{type(error).__name__} {NOT_AVAILABLE}"
    return f"{type(error).__name__}{where(error)}"


def where(error: BaseException) -> str:
    """The template's line an error came from."""
    trace, line = error.__traceback__, 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return f" in line {line}" if line else ""


def give_up_rights(memory_mb: int) -> None:
    """Cap memory, and forbid writing files and starting processes; a limit the system does not know is left out."""
    size = memory_mb * 1024 * 1024
    for name, limit in (("RLIMIT_AS", size), ("RLIMIT_FSIZE", 0), ("RLIMIT_NPROC", 0), ("RLIMIT_CORE", 0)):
        if hasattr(resource, name):
            try:
                resource.setrlimit(getattr(resource, name), (limit, limit))
            except (ValueError, OSError) as error:
                sys.stderr.write(f"personalize.rendering: {name} cannot be set here: {error}\n")


def allow_processor_time(seconds: float) -> None:
    """Let the kernel end this process when the coming work takes longer than twice what the parent waits for."""
    until = math.ceil(time.process_time() + 2 * seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (until, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def main() -> None:
    memory_mb, compile_seconds, message_seconds = sys.argv[1:]
    give_up_rights(int(memory_mb))
    Child(float(compile_seconds), float(message_seconds)).serve()


if __name__ == "__main__":
    main()
