"""Mails and hits for tests of what comes back, made straight in the tables."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from campaigns.delivery.models import Link, Mailing, Message, Run, Sender, SenderAccount
from campaigns.delivery.types import MessageState
from campaigns.tracking.models import Hit, HitKind, Verdict
from personalize.content.models import Template, TemplateVersion
from personalize.core.tokens import Purpose, seal
from segments.consent.models import Topic
from segments.subscribers.models import Subscriber
from tests.factories import NOW, make_topic

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"
HANDED = NOW - dt.timedelta(hours=1)
LINKS = ("tables", "mug", "lantern", "heart", "planter")


def make_mailing(name: str = "Longer evenings", *, topic: Topic | None = None, links: int = len(LINKS)) -> Mailing:
    account, _ = SenderAccount.objects.get_or_create(name="Relay")
    sender, _ = Sender.objects.get_or_create(name="Alder & Wren", email="letters@alderandwren.example", account=account)
    template, _ = Template.objects.get_or_create(
        name=name, defaults={"subject": name, "created_at": NOW, "updated_at": NOW}
    )
    version = TemplateVersion.objects.create(
        template=template,
        number=template.versions.count() + 1,
        subject=name,
        blocks=[],
        compiled={},
        content_hash="0",
        created_at=NOW,
    )
    mailing = Mailing.objects.create(
        name=name,
        owner_kind="variant",
        owner=uuid.uuid4(),
        version=version,
        sender=sender,
        topic=topic or make_topic("winter", name="Winter and gifts"),
        created_at=NOW,
    )
    for number, word in enumerate(LINKS[:links], start=1):
        Link.objects.create(
            mailing=mailing,
            number=number,
            key=f"key-{number}",
            url=f"https://alderandwren.example/{word}",
            label=f"See {word}",
            block=f"block-{number}",
        )
    return mailing


def make_run() -> Run:
    return Run.objects.create(owner_kind="campaign", owner=uuid.uuid4(), as_of=NOW, upper=0, created_at=NOW)


def make_mail(subscriber: Subscriber, *, mailing: Mailing | None = None, **fields: Any) -> Message:
    """A mail that was sent an hour before NOW, unless told otherwise."""
    row: dict[str, Any] = {
        "uuid": uuid.uuid4(),
        "mailing": mailing or make_mailing(),
        "subscriber": subscriber,
        "address_key": subscriber.address_key,
        "state": MessageState.SENT,
        "created_at": HANDED,
        "handed_at": HANDED,
        **fields,
    }
    return Message.objects.create(**row)


def make_click(message: Message, number: int = 1, *, at: dt.datetime = NOW, verdict: Verdict = Verdict.HUMAN) -> Hit:
    return Hit.objects.create(
        message=message,
        link=message.mailing.links.get(number=number),
        kind=HitKind.CLICK,
        at=at,
        method="GET",
        agent="Safari on iPhone",
        ip_prefix="203.0.113.0/24",
        verdict=verdict,
        rule_version=1,
    )


def address(message: Message, purpose: Purpose, link: int = 0) -> str:
    """The path that stands in this person's mail."""
    token = seal(purpose, message.uuid, issued_at=HANDED, link=link)
    return {
        Purpose.OPEN: f"/t/o/{token}.gif",
        Purpose.CLICK: f"/t/c/{token}",
        Purpose.UNSUBSCRIBE: f"/t/u/{token}",
        Purpose.VIEW: f"/t/v/{token}",
    }[purpose]
