"""The mail catcher keeps what a real SMTP conversation brings, before it says yes."""

from __future__ import annotations

import asyncio
import smtplib
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from personalize.demo import catcher
from personalize.demo.inbox import Inbox, take_apart


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
    with _Catcher(path) as running:
        yield running.port


def mail(subject: str, to: str, **headers: str) -> EmailMessage:
    letter = EmailMessage()
    letter["Subject"], letter["To"], letter["From"] = subject, to, "Alder & Wren <hello@news.alderandwren.example>"
    for name, value in headers.items():
        letter[name.replace("_", "-")] = value
    letter.set_content("Candlelight, something warm to hold.")
    letter.add_alternative("<p>Candlelight, <b>something warm</b> to hold.</p>", subtype="html")
    return letter


def test_a_mail_is_kept_with_its_addresses_its_subject_and_the_message_it_came_from(path, port):
    message = uuid.uuid4()
    with smtplib.SMTP("127.0.0.1", port) as server:
        server.send_message(
            mail("Für lange Abende, Bálint", "b@post.example", Message_ID=f"<{message}.1@news.example>")
        )
    [kept] = Inbox(path).newest()
    assert (kept.subject, kept.rcpt_to) == ("Für lange Abende, Bálint", "b@post.example")
    assert kept.mail_from == "hello@news.alderandwren.example"
    assert kept.message == message
    found = Inbox(path).get(kept.id)
    assert found is not None
    opened = take_apart(found[1])
    assert opened.text.strip() == "Candlelight, something warm to hold."
    assert "<b>something warm</b>" in opened.html
    assert kept.size == len(found[1])


def test_when_the_server_has_said_yes_another_process_can_read_the_mail(path, port):
    with smtplib.SMTP("127.0.0.1", port) as server:
        server.send_message(mail("One", "a@post.example"))
        assert Inbox(path).count() == 1


def test_many_mails_over_one_connection_are_all_kept_in_their_order(path, port):
    with smtplib.SMTP("127.0.0.1", port) as server:
        for number in range(30):
            server.send_message(mail(f"Mail {number}", f"p{number}@post.example"))
    assert [kept.subject for kept in Inbox(path).newest(limit=3)] == ["Mail 29", "Mail 28", "Mail 27"]
    assert Inbox(path).count() == 30


def test_a_mail_sent_twice_is_kept_twice_so_that_a_double_shows(path, port):
    message = uuid.uuid4()
    with smtplib.SMTP("127.0.0.1", port) as server:
        for _ in range(2):
            server.send_message(mail("Twice", "a@post.example", X_Personalize_Message=str(message)))
    assert [found for found, _ in Inbox(path).messages()] == [message, message]


def test_a_mail_without_a_subject_or_an_id_is_kept_as_well(path, port):
    with smtplib.SMTP("127.0.0.1", port) as server:
        server.sendmail("x@post.example", ["y@post.example", "z@post.example"], b"no header at all")
    [kept] = Inbox(path).newest()
    assert (kept.subject, kept.message, kept.rcpt_to) == ("", None, "y@post.example, z@post.example")


def test_search_finds_addresses_and_subjects_in_any_case_and_script(path, port):
    with smtplib.SMTP("127.0.0.1", port) as server:
        server.send_message(mail("Für Ωμέγα", "ann.whitaker@post.example"))
        server.send_message(mail("Other", "liam@home.example"))
    box = Inbox(path)
    assert [kept.subject for kept in box.newest(words="ωμέγα")] == ["Für Ωμέγα"]
    assert box.count("WHITAKER für") == 1
    assert box.count("100%") == 0


def test_paging_goes_on_from_the_last_mail_shown(path, port):
    with smtplib.SMTP("127.0.0.1", port) as server:
        for number in range(5):
            server.send_message(mail(str(number), "a@post.example"))
    box = Inbox(path)
    first = box.newest(limit=2)
    assert [kept.subject for kept in box.newest(limit=2, before=first[-1].id)] == ["2", "1"]


def test_an_inbox_nobody_wrote_to_is_empty_and_makes_no_file(tmp_path):
    box = Inbox(tmp_path / "none.sqlite3")
    assert (box.count(), box.newest(), box.get(1)) == (0, [], None)
    assert not (tmp_path / "none.sqlite3").exists()


def test_a_mail_that_cannot_be_kept_is_refused_and_not_swallowed(path, port):
    broken = sqlite3.connect(path)
    broken.execute("DROP TABLE mail")
    broken.commit()
    broken.close()
    with smtplib.SMTP("127.0.0.1", port) as server, pytest.raises(smtplib.SMTPDataError) as refused:
        server.send_message(mail("Lost?", "a@post.example"))
    assert refused.value.smtp_code >= 400
