"""The bytes of a mail, written in one go.

Django's own way builds a tree of objects and walks it, which took longer than everything else about sending a mail. Ours
have one fixed shape, a text and a page side by side, so that little is left to decide.
"""

from __future__ import annotations

import binascii
import uuid

from django.core.mail import EmailMultiAlternatives
from django.core.mail.message import forbid_multi_line_headers

CHARSET = "utf-8"


def written(mail: EmailMultiAlternatives) -> bytes:
    """The mail with CRLF line ends, in plain ASCII: headers encoded where needed, both bodies quoted-printable.

    Raises BadHeaderError, a ValueError, when a header holds a line end.
    """
    boundary = f"=_{uuid.uuid4().hex}"
    headers = {
        "Subject": mail.subject,
        "From": mail.from_email,
        "To": ", ".join(mail.to),
        **({"Reply-To": ", ".join(mail.reply_to)} if mail.reply_to else {}),
        **mail.extra_headers,
        "MIME-Version": "1.0",
        "Content-Type": f'multipart/alternative; boundary="{boundary}"',
    }
    head = "\n".join(": ".join(forbid_multi_line_headers(name, value, CHARSET)) for name, value in headers.items())
    parts = [("text/plain", str(mail.body)), *((kind, str(page)) for page, kind in mail.alternatives)]
    opening = f"--{boundary}\n".encode()
    body = b"".join(opening + _part(kind, text) for kind, text in parts)
    return (head.encode("ascii") + b"\n\n" + body + f"--{boundary}--\n".encode()).replace(b"\n", b"\r\n")


def _part(kind: str, text: str) -> bytes:
    """One body with its headers; line ends are ``\\n`` until the mail is whole."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    quoted = binascii.b2a_qp(lines.encode(CHARSET, "replace"), istext=True)
    return (
        f'Content-Type: {kind}; charset="{CHARSET}"\nContent-Transfer-Encoding: quoted-printable\n\n'.encode()
        + quoted
        + b"\n"
    )
