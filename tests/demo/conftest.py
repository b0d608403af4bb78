"""A real catcher in a thread, and mails to put into it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from personalize.demo import catcher


class _Catcher(threading.Thread):
    """The catcher with an event loop of its own."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self._path = path
        self._listening = threading.Event()

    def run(self) -> None:
        asyncio.run(self._catch())

    async def _catch(self) -> None:
        self._loop, self._enough = asyncio.get_running_loop(), asyncio.Event()
        async with await catcher.listen(self._path, host="127.0.0.1", port=0) as server:
            self.port = server.sockets[0].getsockname()[1]
            self._listening.set()
            await self._enough.wait()

    def __enter__(self) -> _Catcher:
        self.start()
        assert self._listening.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._enough.set)
        self.join(10)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "caught.sqlite3"


@pytest.fixture
def port(path: Path) -> Iterator[int]:
    """The port at which mail for ``path`` is taken."""
    with _Catcher(path) as running:
        yield running.port


def mail(
    subject: str, to: str, html: str = "<p>Candlelight, <b>something warm</b> to hold.</p>", **headers: str
) -> EmailMessage:
    """A mail of the shop."""
    letter = EmailMessage()
    letter["Subject"], letter["To"], letter["From"] = subject, to, "Alder & Wren <hello@news.alderandwren.example>"
    for name, value in headers.items():
        letter[name.replace("_", "-")] = value
    letter.set_content("Candlelight, something warm to hold.")
    letter.add_alternative(html, subtype="html")
    return letter
