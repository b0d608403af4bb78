"""Ways out that can testify whether the mail in hand may have left.

A lost reply means nothing by itself. What counts is whether the server could have had the whole mail: over SMTP from the
moment its end mark is written, over HTTP from the moment a connection stood and the request went into it.
"""

from __future__ import annotations

import re
import select
import smtplib
import socket
import ssl
from typing import Any, Protocol

import requests
from django.core.mail.backends.smtp import EmailBackend as SmtpBackend
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

LINE_DOT = re.compile(rb"(?m)^\.")
"""A dot that begins a line of a mail; it is doubled on the wire. RFC 5321, 4.5.2."""


class Witness(Protocol):
    """Says whether the mail in hand may have left."""

    may_have_left: bool

    def begin(self) -> None:
        """Forget the mail before; the next one is about to be handed over."""


class Blind:
    """Stands beside a way out that shows nothing: every mail handed to it may have left."""

    may_have_left = False

    def begin(self) -> None:
        self.may_have_left = True


class _SMTP(smtplib.SMTP):
    """smtplib's line, which writes a mail's end mark by itself and remembers that it did."""

    may_have_left = False

    def begin(self) -> None:
        self.may_have_left = False

    def connect(self, host: str = "localhost", port: int = 0, source_address: Any = None) -> tuple[int, bytes]:
        """Connect as smtplib does, then let small packets go at once: the end mark must not wait for the body's receipt."""
        answer = super().connect(host, port, source_address)
        self._socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return answer

    def data(self, msg: Any) -> tuple[int, bytes]:
        """Send DATA, the message, and its end mark; not the mark when the server has answered or hung up before it.

        A server must drop a mail whose end mark it never saw. After a refusal in here the line is closed, since what the
        server still holds of the mail would get into the next one.
        """
        code, reply = self.docmd("DATA")
        if code != 354:
            self.close()
            raise smtplib.SMTPDataError(code, reply)
        body = msg.encode("ascii") if isinstance(msg, str) else msg
        stuffed = LINE_DOT.sub(b"..", body)
        self.send(stuffed if stuffed.endswith(b"\r\n") else stuffed + b"\r\n")
        if self._has_spoken():
            code, reply = self.getreply()
            self.close()
            raise smtplib.SMTPDataError(code, reply)
        self.may_have_left = True
        self.send(b".\r\n")
        return self.getreply()

    def _has_spoken(self) -> bool:
        poll = select.poll()
        poll.register(self._socket(), select.POLLIN | select.POLLHUP)
        return bool(poll.poll(0))

    def _socket(self) -> socket.socket:
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("The line is closed.")
        return self.sock


class _SMTPSSL(_SMTP, smtplib.SMTP_SSL):
    pass


class WitnessedBackend(SmtpBackend):
    """Django's SMTP backend over a line that can testify."""

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return _SMTPSSL if self.use_ssl else _SMTP


class WitnessedAdapter(HTTPAdapter):
    """The way of ``requests`` to a server; a connection that never stood carried nothing."""

    may_have_left = False

    def begin(self) -> None:
        self.may_have_left = False

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Send the request, noting whether it may have reached the server."""
        self.may_have_left = True
        try:
            return super().send(*args, **kwargs)
        except requests.RequestException as error:
            self.may_have_left = not _never_connected(error)
            raise


def _never_connected(error: BaseException | None) -> bool:
    """Whether an error, or one it came from, says that no connection to the right server stood.

    Other failures of TLS prove nothing: they look the same before the request and after it.
    """
    while error is not None:
        if isinstance(error, NewConnectionError | ConnectTimeoutError | ssl.SSLCertVerificationError) or any(
            isinstance(cause, ssl.SSLCertVerificationError) for cause in error.args
        ):
            return True
        error = error.__cause__ or error.__context__
    return False
