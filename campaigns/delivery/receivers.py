"""What delivery does when lower apps ask for a mail: it writes a service message in their transaction."""

from __future__ import annotations

import logging
from typing import Any

from campaigns.delivery.services import send_service_mail
from campaigns.delivery.types import Refused
from personalize.accounts.models import Brand
from personalize.content.services import service_version
from segments.subscribers.models import Subscriber

logger = logging.getLogger(__name__)


def on_mail_requested(*, kind: str, subscriber: Subscriber, context: dict[str, Any]) -> None:
    """Write the built-in mail ``kind``; ``context`` holds its fields and, as ``key``, what makes the request one and the same.

    Before the shop has said who it is nothing can be written; the log says so, and the person can ask again.
    """
    if not Brand.objects.exists():
        logger.error("A mail of kind %s was asked for before there is a brand; nobody gets it.", kind)
        return
    version = service_version(key=kind)
    written = send_service_mail(
        subscriber=subscriber,
        version=version,
        context={name: value for name, value in context.items() if name != "key"},
        key=f"{kind}:{context['key']}",
        name=version.template.name,
    )
    if isinstance(written, Refused):
        logger.error("A mail of kind %s could not be written: %s.", kind, written.label)
