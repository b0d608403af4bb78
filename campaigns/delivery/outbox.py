"""The way out: hands one mail to Django's mail backend and says, from evidence, what became of it.

A witness on the line tells whether the mail may have left, for only then can a lost reply mean an accepted mail. What a
server or a service answered is read for whom it concerns: the person, the account, or nobody yet.
"""

from __future__ import annotations

import random
import smtplib
from dataclasses import dataclass
from typing import Any

from anymail.backends.base_requests import AnymailRequestsBackend
from anymail.exceptions import (
    AnymailAPIError,
    AnymailError,
    AnymailInvalidAddress,
    AnymailRecipientsRefused,
    AnymailUnsupportedFeature,
)
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.smtp import EmailBackend as SmtpBackend
from django.core.mail.message import sanitize_address
from django.utils.module_loading import import_string

from campaigns.delivery.mime import CHARSET, written
from campaigns.delivery.models import SenderAccount
from campaigns.delivery.types import MessageState
from campaigns.delivery.witnesses import Blind, Witness, WitnessedAdapter, WitnessedBackend

RETRY_MINUTES = (5, 15, 30, 60, 120, 240)
"""How long to wait after the first, second, … refusal that may pass; each with a fifth of jitter either way."""

MESSAGES_PER_CONNECTION = 1000

CONNECT_SECONDS = 30.0
"""How long a service may take to answer the telephone. Nothing has left by then, so giving up costs nothing."""

DOUBTS_IN_A_ROW = 3
"""So many lost replies one after another are the server's trouble; more mail would only be more doubt."""

TOO_BIG = 552
REFUSED_BY_SERVICE = ("rejected", "invalid", "failed")
ACCOUNT_CODES = (401, 402, 403, 404, 405, 429, 503)
"""HTTP answers that concern the account or the moment: not let in, not paid, no such address, too fast, out of service."""

WISHES = ("metadata", "tags", "track_opens", "track_clicks")
"""What a mail says to the service beside itself; a service that does not know one of them gets the mail without it."""


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


class Outbox:
    """An open way out of one sender account; a context manager that keeps its connection for many mails.

    ``abandoned`` says, after an interruption such as Ctrl-C, that the mail in hand may have left.
    """

    def __init__(self, account: SenderAccount) -> None:
        self._path = account.backend or settings.EMAIL_BACKEND
        self._backend: Any = None
        self._witness: Witness = Blind()
        self._unknown_wishes: set[str] = set()
        self._handed = 0
        self._doubts = 0
        self.abandoned = False

    def __enter__(self) -> Outbox:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def send(self, mail: EmailMultiAlternatives, attempt: int) -> Verdict:
        """Hand over one mail; ``attempt`` is how many refusals it has had, for the wait before the next.

        Raises AccountTrouble when the account or its server is the reason; then nothing of this mail was accepted. Raises
        whatever was wrong with the mail itself, ValueError in most cases, before a byte of it has left.
        """
        if self._doubts >= DOUBTS_IN_A_ROW:
            raise AccountTrouble(f"The last {self._doubts} replies were lost.")
        if self._handed >= MESSAGES_PER_CONNECTION:
            self._close()
        self._connect()
        self._handed += 1
        verdict = self._send(mail, attempt)
        self._doubts = self._doubts + 1 if verdict.state == MessageState.IN_DOUBT else 0
        return verdict

    def _send(self, mail: EmailMultiAlternatives, attempt: int) -> Verdict:
        self._witness.begin()
        try:
            if isinstance(self._backend, SmtpBackend):
                return self._send_smtp(mail, attempt)
            return self._send_service(mail, attempt)
        except AccountTrouble:
            self._close()
            raise
        except Exception as error:
            self._close()
            if self._witness.may_have_left:
                return _doubt(error)
            raise
        except BaseException:
            self.abandoned = self._witness.may_have_left
            self._close()
            raise

    def _connect(self) -> None:
        if self._backend is not None:
            return
        try:
            self._backend = self._open()
        except (ImproperlyConfigured, ImportError) as error:
            raise AccountTrouble(f"The settings of the mail backend are wrong: {error}") from error
        except (OSError, smtplib.SMTPException) as error:
            raise AccountTrouble(f"No connection to the mail server: {error}") from error
        self._handed = 0

    def _open(self) -> Any:
        kind = import_string(self._path)
        if issubclass(kind, SmtpBackend):
            line: Any = WitnessedBackend()
            line.open()
            self._witness = line.connection
            return line
        if not issubclass(kind, AnymailRequestsBackend):
            backend = get_connection(self._path)
            backend.open()
            self._witness = Blind()
            return backend
        service: Any = get_connection(self._path, timeout=(CONNECT_SECONDS, settings.EMAIL_TIMEOUT))
        service.open()
        self._witness = adapter = WitnessedAdapter()
        service.session.mount("https://", adapter)
        service.session.mount("http://", adapter)
        return service

    def _close(self) -> None:
        backend, self._backend = self._backend, None
        if backend is None:
            return
        try:
            backend.close()
        except (OSError, smtplib.SMTPException):
            # The line is gone already; there is nothing left to say goodbye to.
            backend.connection = None

    def _send_smtp(self, mail: EmailMultiAlternatives, attempt: int) -> Verdict:
        line = self._backend.connection
        sender, to = (sanitize_address(address, CHARSET) for address in (mail.from_email, mail.to[0]))
        try:
            line.sendmail(sender, [to], written(mail))
        except smtplib.SMTPRecipientsRefused as error:
            code, reply = next(iter(error.recipients.values()))
            verdict = _refused(code, _text(reply), attempt)
        except smtplib.SMTPSenderRefused as error:
            if error.smtp_code != TOO_BIG:
                raise AccountTrouble(f"{error.smtp_code} {_text(error.smtp_error)}") from error
            verdict = _refused(error.smtp_code, _text(error.smtp_error), attempt)
        except (OSError, smtplib.SMTPException) as error:
            if isinstance(error, smtplib.SMTPDataError) and 400 <= error.smtp_code < 600:
                verdict = _refused(error.smtp_code, _text(error.smtp_error), attempt)
            elif line.may_have_left:
                raise
            else:
                raise AccountTrouble(f"The connection broke before the mail was complete: {error}") from error
        else:
            return Verdict(MessageState.SENT, code=250)
        if line.sock is None:
            self._close()
        return verdict

    def _send_service(self, mail: EmailMultiAlternatives, attempt: int) -> Verdict:
        try:
            self._post(mail)
        except AnymailRecipientsRefused as error:
            reply = _one_line(error)
            return Verdict(MessageState.FAILED, code=error.status_code, reply=reply, reason="rejected", counted=True)
        except AnymailInvalidAddress:
            # The mail could not be built: the engine's business, like any other such mail.
            raise
        except AnymailError as error:
            if error.status_code is not None:
                return self._answered(error, mail, attempt)
            if self._witness.may_have_left and isinstance(error, AnymailAPIError):
                raise
            raise AccountTrouble(_one_line(error)) from error
        status = getattr(mail, "anymail_status", None)
        words = getattr(status, "status", None) or set()
        if words and words <= set(REFUSED_BY_SERVICE):
            return Verdict(MessageState.FAILED, reply=", ".join(sorted(words)), reason="rejected", counted=True)
        return Verdict(MessageState.SENT, code=250, esp_id=str(getattr(status, "message_id", "") or ""))

    def _post(self, mail: EmailMultiAlternatives) -> None:
        """Hand the mail over, without the wishes that this service turns out not to know; it says so before it sends."""
        for wish in self._unknown_wishes:
            vars(mail).pop(wish, None)
        try:
            self._backend.send_messages([mail])
        except AnymailUnsupportedFeature as error:
            unknown = {wish for wish in WISHES if str(error).endswith(f"does not support {wish}")}
            if not unknown - self._unknown_wishes:
                raise
            self._unknown_wishes |= unknown
            self._post(mail)

    def _answered(self, error: AnymailError, mail: EmailMultiAlternatives, attempt: int) -> Verdict:
        """A service's answer other than yes, read for whom it concerns and whether the mail can have been taken.

        A refusal that names the person's address is theirs. Any other may be the account's as well, so it is tried again
        while attempts are left. What a server says that failed itself, or that nobody can read, proves nothing.
        """
        code, reply = error.status_code, _one_line(error)
        if code in ACCOUNT_CODES:
            raise AccountTrouble(reply) from error
        if not 400 <= code < 500:
            return Verdict(MessageState.IN_DOUBT, code=code, reply=reply)
        named = mail.to[0].casefold() in str(getattr(error.response, "text", "")).casefold()
        return _refused(550 if named else 450, reply, attempt)


def _doubt(error: Exception) -> Verdict:
    return Verdict(MessageState.IN_DOUBT, reply=f"The reply was lost: {_one_line(error)}"[:255])


def _refused(code: int, reply: str, attempt: int) -> Verdict:
    """A refusal that names the mail: for good (5xx), or to be tried again (4xx) while attempts are left."""
    if code >= 500:
        return Verdict(MessageState.FAILED, code=code, reply=reply, reason="rejected", counted=True)
    if attempt + 1 >= settings.DELIVERY_MAX_ATTEMPTS:
        return Verdict(MessageState.FAILED, code=code, reply=reply, reason="expired", counted=True)
    minutes = RETRY_MINUTES[min(attempt, len(RETRY_MINUTES) - 1)]
    wait = minutes * 60 * random.uniform(0.8, 1.2)  # noqa: S311  Jitter, not a secret.
    return Verdict(MessageState.READY, code=code, reply=reply, wait=wait, counted=True)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:255]


def _text(reply: bytes | str) -> str:
    return reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
