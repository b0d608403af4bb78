"""Message rows made directly, so that rules can be asked of them."""

from __future__ import annotations

import uuid

from campaigns.delivery.models import Mailing, Message, Sender, SenderAccount
from campaigns.delivery.querysets import MessageQuerySet
from personalize.content.models import Template, TemplateVersion
from segments.subscribers.models import Subscriber
from tests.factories import NOW, make_topic


def make_messages(*people: Subscriber) -> MessageQuerySet:
    """One message to each person."""
    template = Template.objects.create(name="Winter tables", subject="Hello", created_at=NOW, updated_at=NOW)
    version = TemplateVersion.objects.create(
        template=template, number=1, subject="Hello", blocks=[], compiled={}, content_hash="0", created_at=NOW
    )
    account = SenderAccount.objects.create(name="Loopback")
    mailing = Mailing.objects.create(
        name="Winter tables",
        owner_kind="test",
        owner=uuid.uuid4(),
        version=version,
        sender=Sender.objects.create(name="Maya", email="maya@alderandwren.example", account=account),
        topic=make_topic(),
        created_at=NOW,
    )
    Message.objects.bulk_create(
        Message(
            uuid=uuid.uuid4(),
            mailing=mailing,
            subscriber=person,
            address_key=person.address_key,
            created_at=NOW,
        )
        for person in people
    )
    return Message.objects.order_by("pk")
