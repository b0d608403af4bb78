"""The file of caught mail: one SQLite table of its own, apart from the product's database, so that catching never waits
for sending.
"""

from __future__ import annotations

import datetime as dt
import re
import sqlite3
import uuid
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from pathlib import Path

_TABLE = """
CREATE TABLE IF NOT EXISTS mail (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    mail_from TEXT NOT NULL,
    rcpt_to TEXT NOT NULL,
    subject TEXT NOT NULL,
    message_uuid TEXT NOT NULL,
    size INTEGER NOT NULL,
    raw BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS mail_by_message ON mail (message_uuid);
"""
_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.IGNORECASE)
_headers = BytesHeaderParser(policy=policy.default)


@dataclass(frozen=True)
class CaughtMail:
    """A mail as the list shows it; ``message`` is the ledger's message it came from, when it says so."""

    id: int
    at: dt.datetime
    mail_from: str
    rcpt_to: str
    subject: str
    message: uuid.UUID | None
    size: int


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, made when it is missing. A commit survives the end of the process, though not a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=20, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA secure_delete=ON")
    connection.executescript(_TABLE)
    connection.create_function("matches", 3, _matches, deterministic=True)
    connection.create_function("names", 3, _names, deterministic=True)
    return connection


def message_named_in(headers: EmailMessage) -> uuid.UUID | None:
    """The id of the ledger's message, from its own header or from the Message-ID."""
    for name in ("X-Personalize-Message", "Message-ID"):
        found = _UUID.search(str(headers.get(name, "")))
        if found:
            return uuid.UUID(found[0])
    return None


def store(connection: sqlite3.Connection, *, mail_from: str, rcpt_to: Iterable[str], raw: bytes) -> None:
    """Keep one mail; it is committed when this returns."""
    headers = _headers.parsebytes(raw.partition(b"\r\n\r\n")[0])
    named = message_named_in(headers)
    connection.execute(
        "INSERT INTO mail (at, mail_from, rcpt_to, subject, message_uuid, size, raw) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
            mail_from,
            ", ".join(rcpt_to),
            str(headers.get("Subject", "")),
            named.hex if named else "",
            len(raw),
            raw,
        ),
    )


def forget(path: Path, address: str) -> int:
    """Delete every mail to or about this address, so that no byte of them stays in the file; returns how many."""
    if not path.exists():
        return 0
    with closing(connect(path)) as connection:
        gone = connection.execute("DELETE FROM mail WHERE names(rcpt_to, raw, ?)", (address,)).rowcount
        # The log of writes still has the old pages.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return gone


_COUNT = "SELECT count(*) FROM mail WHERE matches(rcpt_to, subject, ?)"
_NEWEST = """
SELECT id, at, mail_from, rcpt_to, subject, message_uuid, size FROM mail
WHERE matches(rcpt_to, subject, ?) AND id < ? ORDER BY id DESC LIMIT ?
"""
_GET = "SELECT id, at, mail_from, rcpt_to, subject, message_uuid, size, raw FROM mail WHERE id = ?"
_LARGEST_ID = 2**63 - 1


class Inbox:
    """Reads the caught mail; a missing file is an empty inbox."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def count(self, words: str = "") -> int:
        """How many mails there are whose address or subject contains every word."""
        return sum(int(str(row[0])) for row in self._rows(_COUNT, words))

    def newest(self, *, words: str = "", limit: int = 50, before: int | None = None) -> list[CaughtMail]:
        """The newest mails whose address or subject contains every word; ``before`` is the id to go on from."""
        return [_mail(row) for row in self._rows(_NEWEST, words, before or _LARGEST_ID, limit)]

    def naming(self, address: str) -> int:
        """How many mails are to or about this address."""
        return sum(
            int(str(row[0])) for row in self._rows("SELECT count(*) FROM mail WHERE names(rcpt_to, raw, ?)", address)
        )

    def get(self, id: int) -> tuple[CaughtMail, bytes] | None:
        """One mail with its source."""
        for row in self._rows(_GET, id):
            raw = row[-1]
            return _mail(row[:-1]), raw if isinstance(raw, bytes) else b""
        return None

    def messages(self) -> list[tuple[uuid.UUID, int]]:
        """The ledger's message and the id of every caught mail, oldest first, so that a double shows."""
        rows = self._rows("SELECT message_uuid, id FROM mail WHERE message_uuid > '' ORDER BY id")
        return [(uuid.UUID(str(message)), int(str(id))) for message, id in rows]

    def _rows(self, query: str, *values: str | int) -> list[tuple[object, ...]]:
        if not self._path.exists():
            return []
        with closing(connect(self._path)) as connection:
            return connection.execute(query, values).fetchall()


def _matches(address: str, subject: str, words: str) -> bool:
    text = f"{address} {subject}".casefold()
    return all(word in text for word in words.casefold().split())


def _names(rcpt_to: str, raw: bytes, address: str) -> bool:
    return address in rcpt_to.casefold() or address.encode() in raw.lower()


def _mail(row: tuple[object, ...]) -> CaughtMail:
    id, at, mail_from, rcpt_to, subject, message, size = row
    return CaughtMail(
        id=int(str(id)),
        at=dt.datetime.fromisoformat(str(at)),
        mail_from=str(mail_from),
        rcpt_to=str(rcpt_to),
        subject=str(subject),
        message=uuid.UUID(str(message)) if message else None,
        size=int(str(size)),
    )


@dataclass(frozen=True)
class Opened:
    """A mail taken apart: decoded parts, and headers in the order in which they came."""

    sender: str
    to: str
    html: str
    text: str
    headers: list[tuple[str, str]]
    source: str


def take_apart(raw: bytes) -> Opened:
    """Decode a mail; what cannot be decoded is shown with replacement characters, never refused."""
    mail = message_from_bytes(raw, policy=policy.default)
    return Opened(
        sender=str(mail.get("From", "")),
        to=str(mail.get("To", "")),
        html=_body(mail, "html"),
        text=_body(mail, "plain"),
        headers=[(name, str(value)) for name, value in mail.items()],
        source=raw.decode("utf-8", "replace"),
    )


def _body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body(preferencelist=(kind,))
    if part is None:
        return ""
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    try:
        return payload.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        return payload.decode("utf-8", "replace")
