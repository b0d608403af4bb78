"""An SMTP server that accepts every mail and keeps it: what the demo sends to, so that nothing leaves the machine."""

from __future__ import annotations

import asyncio
import logging
import signal
import sqlite3
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from personalize.demo import inbox

LARGEST_MAIL = 32 * 1024 * 1024


class Keeper:
    """Answers 250 only when the mail is committed."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        raw = envelope.content
        if not isinstance(raw, bytes):
            return "451 The mail did not arrive as bytes"
        inbox.store(self._connection, mail_from=envelope.mail_from or "", rcpt_to=envelope.rcpt_tos, raw=raw)
        return "250 Kept"


async def listen(path: Path, *, host: str, port: int) -> asyncio.Server:
    """Start catching mail into ``path``; port 0 takes a free one. OSError when the port is taken."""
    keeper = Keeper(inbox.connect(path))

    def conversation() -> SMTP:
        return SMTP(keeper, data_size_limit=LARGEST_MAIL, enable_SMTPUTF8=True, ident="Personalize mail catcher")

    return await asyncio.get_running_loop().create_server(conversation, host, port)


async def _until_told(path: Path, host: str, port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with await listen(path, host=host, port=port):
        await stop.wait()


def serve(path: Path, *, host: str, port: int) -> None:
    """Catch mail into ``path`` until SIGTERM or Ctrl-C; OSError when the port is taken."""
    # The library notes every line of every conversation; that would cost more time than the mail itself.
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    asyncio.run(_until_told(path, host, port))
