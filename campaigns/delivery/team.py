"""Mail to the team itself: plain text over the first account, outside of the ledger, which is about subscribers."""

from __future__ import annotations

import smtplib
from collections.abc import Sequence

from anymail.exceptions import AnymailError
from django.core.mail import EmailMessage, get_connection

from campaigns.delivery.models import Sender


def mail_team(*, to: Sequence[str], subject: str, text: str) -> str:
    """Send it now; gives what went wrong, "" when it was accepted."""
    sender = Sender.objects.select_related("account").order_by("pk").first()
    connection = get_connection(backend=sender.account.backend or None) if sender else get_connection()
    mail = EmailMessage(
        subject=" ".join(subject.split()),
        body=text,
        from_email=f"{sender.name} <{sender.email}>" if sender else None,
        to=list(to),
        connection=connection,
    )
    try:
        mail.send()
    except (OSError, smtplib.SMTPException, AnymailError) as error:
        return str(error)[:255] or type(error).__name__
    return ""
