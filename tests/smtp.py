"""A real SMTP server for tests that does as it is told: accepts, refuses, takes its time, or hangs up."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property


@dataclass
class Post:
    """One accepted mail: the envelope's recipient and the mail itself."""

    to: str
    raw: bytes

    @cached_property
    def mail(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=policy.default)

    @cached_property
    def html(self) -> str:
        body = self.mail.get_body(("html",))
        assert body is not None
        return str(body.get_content())

    @cached_property
    def text(self) -> str:
        body = self.mail.get_body(("plain",))
        assert body is not None
        return str(body.get_content())


@dataclass
class Script:
    """What the server does, by recipient. ``at_rcpt``, ``at_data`` and ``at_dot`` give an answer such as ``450 4.2.2 full``;
    an answer of ``hang up`` closes the line instead, after accepting the mail where ``accept_then_hang_up`` names it."""

    at_rcpt: dict[str, str] = field(default_factory=dict)
    at_data: dict[str, str] = field(default_factory=dict)
    at_dot: dict[str, str] = field(default_factory=dict)
    accept_then_hang_up: set[str] = field(default_factory=set)
    cuts: list[str] = field(default_factory=list)
    """Where the line is cut, once for each entry: at ``MAIL``, ``RCPT``, or ``DATA`` (with the go-ahead for the mail)."""
    seconds: float = 0.0

    def cut_at(self, word: str) -> bool:
        if word not in self.cuts:
            return False
        self.cuts.remove(word)
        return True


class SmtpServer(socketserver.ThreadingTCPServer):
    """Listens on a free port of this machine; ``accepted`` grows before the reply is given, as at a real one."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.accepted: list[Post] = []
        self.script = Script()
        self.lock = threading.Lock()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def addresses(self) -> list[str]:
        with self.lock:
            return [post.to for post in self.accepted]


class _Conversation(socketserver.StreamRequestHandler):
    server: SmtpServer

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):
            self._talk()

    def _talk(self) -> None:
        self._say("220 test ESMTP")
        to = ""
        while line := self.rfile.readline():
            word = line.strip().upper()
            if word.startswith((b"EHLO", b"HELO")):
                self._say("250 test")
            elif word.startswith(b"MAIL") and self.server.script.cut_at("MAIL"):
                return
            elif word.startswith(b"RCPT"):
                if self.server.script.cut_at("RCPT"):
                    return
                to = line.decode().split("<", 1)[1].split(">", 1)[0]
                self._say(self.server.script.at_rcpt.get(to, "250 fine"))
            elif word == b"DATA":
                if self.server.script.cut_at("DATA"):
                    # Go-ahead and end of the line in one packet, so that the client finds both.
                    self.connection.send(b"354 go on\r\n", socket.MSG_MORE)
                    return
                answer = self.server.script.at_data.get(to, "354 go on")
                self._say(answer)
                if answer.startswith("354") and not self._take(to):
                    return
            elif word == b"QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 fine")

    def _take(self, to: str) -> bool:
        lines: list[bytes] = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                return False
            lines.append(line[1:] if line.startswith(b"..") else line)
        script = self.server.script
        answer = script.at_dot.get(to, "250 taken")
        if answer == "hang up" and to not in script.accept_then_hang_up:
            return False
        if answer.startswith("250") or to in script.accept_then_hang_up:
            with self.server.lock:
                self.server.accepted.append(Post(to, b"".join(lines)))
        if answer == "hang up":
            return False
        time.sleep(script.seconds)
        self._say(answer)
        return True

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")


@contextlib.contextmanager
def smtp_server() -> Iterator[SmtpServer]:
    """A running server, closed at the end."""
    with SmtpServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
