"""Builds the mail itself from what was rendered for one person."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from email.headerregistry import Address
from email.utils import format_datetime

from anymail.message import AnymailMessage
from django.core.mail import EmailMultiAlternatives

from campaigns.delivery.links import address
from campaigns.delivery.models import Mailing, Message
from campaigns.delivery.types import MailingKind


def compose(
    *, mailing: Mailing, message: Message, to: str, parts: Mapping[str, str], at: dt.datetime
) -> EmailMultiAlternatives:
    """One person's mail: ``parts`` holds ``subject``, ``html`` and ``text`` with their links filled in.

    Raises ValueError when the mail would have any recipient but ``to``. The Message-ID is made from the message and so
    the same on every attempt, which lets a mail store drop a second delivery. A service behind Anymail hears the message's
    id, by which its notices find the row again, and that it must not count opens and clicks itself; SMTP ignores these.
    """
    sender = mailing.sender
    headers = {
        "Message-ID": f"<{message.uuid}@{sender.email.rpartition('@')[2]}>",
        "Date": format_datetime(at),
        "X-Personalize-Message": str(message.uuid),
    }
    if mailing.kind == MailingKind.MARKETING:
        headers["List-Unsubscribe"] = f"<{address('unsubscribe', message.uuid, at)}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        headers["Feedback-ID"] = f"{mailing.uuid.hex}:{mailing.owner_kind}:personalize"
    mail: EmailMultiAlternatives = AnymailMessage(
        subject=parts["subject"],
        body=parts["text"],
        from_email=str(Address(display_name=sender.name, addr_spec=sender.email)),
        to=[to],
        reply_to=[sender.reply_to] if sender.reply_to else None,
        headers=headers,
        metadata={"mid": str(message.uuid)},
        tags=[f"{mailing.owner_kind}-{mailing.uuid.hex}"],
        track_opens=False,
        track_clicks=False,
    )
    mail.attach_alternative(parts["html"], "text/html")
    if mail.recipients() != [to]:
        raise ValueError("A mail must have exactly the one recipient its row names.")
    return mail
