"""A stand-in for Postmark's API on this machine that does as it is told: accepts, refuses, fails, or hangs up."""

from __future__ import annotations

import contextlib
import json
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HANG_UP = (0, "")

INACTIVE = (
    "You tried to send to a recipient that has been marked as inactive.\nFound inactive addresses: {}.\n"
    "Inactive recipients are ones that have generated a hard bounce, a spam complaint, or a manual suppression."
)


@dataclass
class Script:
    """What the service answers, by recipient or (``everybody``) to all: a status and a body, or HANG_UP.

    With ``taken_anyway`` the mail goes out although the answer says otherwise.
    """

    answers: dict[str, tuple[int, str]] = field(default_factory=dict)
    everybody: tuple[int, str] | None = None
    taken_anyway: bool = False

    def refuse(self, address: str) -> None:
        """The address is on Postmark's list of inactive ones."""
        self.answers[address] = (422, json.dumps({"ErrorCode": 406, "Message": INACTIVE.format(address)}))


class PostmarkServer(ThreadingHTTPServer):
    """Listens on a free port of this machine; ``taken`` grows before the answer is given, as at a real one."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = Script()
        self.asked: list[str] = []
        self.taken: list[dict[str, Any]] = []
        self.tokens: set[str] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"

    def addresses(self) -> list[str]:
        return [mail["To"] for mail in self.taken]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: PostmarkServer

    def do_POST(self) -> None:
        mail = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server, to = self.server, mail["To"]
        server.asked.append(to)
        server.tokens.add(self.headers["X-Postmark-Server-Token"])
        answer = server.script.answers.get(to, server.script.everybody)
        if answer is None or server.script.taken_anyway:
            server.taken.append(mail)
        if answer == HANG_UP:
            self.close_connection = True
            return
        status, body = answer or (
            200,
            json.dumps({"ErrorCode": 0, "Message": "OK", "MessageID": str(uuid.uuid4()), "To": to}),
        )
        raw = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        """Tests are quiet."""


@contextlib.contextmanager
def postmark_server() -> Iterator[PostmarkServer]:
    """A running service, closed at the end."""
    with PostmarkServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
