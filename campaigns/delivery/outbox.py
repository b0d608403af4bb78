"""The way out: hands one mail to Django's mail backend and says, from evidence, what became of it.

For SMTP a witness notes whether the final dot was written, for only then can a lost reply mean an accepted mail. For
services behind Anymail the kind of failure tells as much.
"""

from __future__ import annotations

import random
import re
import smtplib
from dataclasses import dataclass
from typing import Any

from anymail.exceptions import AnymailAPIError, AnymailError, AnymailRecipientsRefused
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.smtp import EmailBackend as SmtpBackend
from django.utils.module_loading import import_string

from campaigns.delivery.models import SenderAccount
from campaigns.delivery.types import MessageState

RETRY_MINUTES = (5, 15, 30, 60, 120, 240)
"""How long to wait after the first, second, … refusal that may pass; each with a fifth of jitter either way."""

MESSAGES_PER_CONNECTION = 1000

LINE_DOT = re.compile(rb"(?m)^\.")
"""A dot that begins a line of a mail; it is doubled on the wire. RFC 5321, 4.5.2."""


class AccountTrouble(Exception):
    """The account or its server does not take mail now; nobody's fault among the recipients. Nothing was accepted."""


@dataclass(frozen=True)
class Verdict:
    """What the evidence says of one attempt; ``wait`` in seconds for a return to ready."""

    state: MessageState
    code: int | None = None
    reply: str = ""
    reason: str = ""
    wait: float = 0.0
    counted: bool = False
    esp_id: str = ""


class _WitnessSMTP(smtplib.SMTP):
    """smtplib's line that remembers whether a message's final dot may have been written."""

    dot_written = False

    def data(self, msg: Any) -> tuple[int, bytes]:
        """Send DATA and the message as smtplib does, noting the moment before its last byte can leave."""
        self.dot_written = False
        code, reply = self.docmd("DATA")
        if code != 354:
            raise smtplib.SMTPDataError(code, reply)
        body = msg.encode("ascii") if isinstance(msg, str) else msg
        stuffed = LINE_DOT.sub(b"..", body)
        self.dot_written = True
        self.send(stuffed + (b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n"))
        return self.getreply()


class _WitnessSMTPSSL(_WitnessSMTP, smtplib.SMTP_SSL):
    pass


class WitnessedBackend(SmtpBackend):
    """Django's SMTP backend over a connection that can testify."""

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return _WitnessSMTPSSL if self.use_ssl else _WitnessSMTP


class Outbox:
    """An open way out of one sender account; a context manager that keeps its connection for many mails."""

    def __init__(self, account: SenderAccount) -> None:
        path = account.backend or settings.EMAIL_BACKEND
        self._smtp = issubclass(import_string(path), SmtpBackend)
        # The product's own path is named when the backend is SMTP, so that the witness stands on the line.
        self._backend: Any = WitnessedBackend() if self._smtp else get_connection(path)
        self._handed = 0
        self._open = False

    def __enter__(self) -> Outbox:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def send(self, mail: EmailMultiAlternatives, attempt: int) -> Verdict:
        """Hand over one mail; ``attempt`` is how many refusals it has had, for the wait before the next.

        Raises AccountTrouble when the account or its server is the reason; then nothing of this mail was accepted.
        """
        if self._handed >= MESSAGES_PER_CONNECTION:
            self._close()
        self._connect()
        self._handed += 1
        try:
            return self._send_smtp(mail, attempt) if self._smtp else self._send_service(mail, attempt)
        except BaseException:
            self._close()
            raise

    def _connect(self) -> None:
        if self._open:
            return
        try:
            self._backend.open()
        except (OSError, smtplib.SMTPException) as error:
            raise AccountTrouble(f"No connection to the mail server: {error}") from error
        self._open, self._handed = True, 0

    def _close(self) -> None:
        if not self._open:
            return
        self._open = False
        try:
            self._backend.close()
        except (OSError, smtplib.SMTPException):
            # The line is gone already; there is nothing left to say goodbye to.
            self._backend.connection = None

    def _send_smtp(self, mail: EmailMultiAlternatives, attempt: int) -> Verdict:
        line = self._backend.connection
        line.dot_written = False
        try:
            self._backend.send_messages([mail])
        except smtplib.SMTPRecipientsRefused as error:
            code, reply = next(iter(error.recipients.values()))
            return _refused(code, _text(reply), attempt)
        except smtplib.SMTPDataError as error:
            if error.smtp_code == 421:
                self._close()
            return _refused(error.smtp_code, _text(error.smtp_error), attempt)
        except smtplib.SMTPSenderRefused as error:
            raise AccountTrouble(f"{error.smtp_code} {_text(error.smtp_error)}") from error
        except (OSError, smtplib.SMTPException) as error:
            self._close()
            if line.dot_written:
                return Verdict(MessageState.IN_DOUBT, reply=f"The reply was lost: {error}")
            raise AccountTrouble(f"The connection broke before the mail was complete: {error}") from error
        return Verdict(MessageState.SENT, code=250)

    def _send_service(self, mail: EmailMultiAlternatives, attempt: int) -> Verdict:
        try:
            self._backend.send_messages([mail])
        except AnymailRecipientsRefused as error:
            return Verdict(MessageState.FAILED, reply=str(error)[:255], reason="rejected")
        except AnymailAPIError as error:
            return self._service_error(error, attempt)
        except AnymailError as error:
            raise AccountTrouble(str(error)) from error
        status = getattr(mail, "anymail_status", None)
        return Verdict(MessageState.SENT, code=250, esp_id=str(getattr(status, "message_id", "") or ""))

    def _service_error(self, error: AnymailAPIError, attempt: int) -> Verdict:
        """A service's failure, read for whether the mail can have been taken.

        Anymail raises a class that is both its own and the one of ``requests``; whatever happened before a connection
        stood is known not to have been accepted, a lost or broken answer is not known.
        """
        import requests  # Anymail's own dependency; only its exceptions are named here.

        code = error.status_code
        if isinstance(error, requests.ConnectTimeout | requests.exceptions.SSLError) or (
            isinstance(error, requests.ConnectionError) and "NewConnectionError" in repr(error)
        ):
            raise AccountTrouble(str(error)) from error
        if code in (401, 403, 429, 503):
            raise AccountTrouble(f"{code} {error}") from error
        if code is None or code in (500, 502, 504) or code < 400:
            return Verdict(MessageState.IN_DOUBT, code=code, reply=str(error)[:255])
        return _refused(550 if code < 500 else 450, str(error), attempt)


def _refused(code: int, reply: str, attempt: int) -> Verdict:
    """A refusal that names the mail: for good (5xx), or to be tried again (4xx) while attempts are left."""
    if code >= 500:
        return Verdict(MessageState.FAILED, code=code, reply=reply, reason="rejected", counted=True)
    if attempt + 1 >= settings.DELIVERY_MAX_ATTEMPTS:
        return Verdict(MessageState.FAILED, code=code, reply=reply, reason="expired", counted=True)
    minutes = RETRY_MINUTES[min(attempt, len(RETRY_MINUTES) - 1)]
    wait = minutes * 60 * random.uniform(0.8, 1.2)  # noqa: S311  Jitter, not a secret.
    return Verdict(MessageState.READY, code=code, reply=reply, wait=wait, counted=True)


def _text(reply: bytes | str) -> str:
    return reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
