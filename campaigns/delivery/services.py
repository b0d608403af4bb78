"""The verbs of delivery: opening and shutting mailings, beginning runs, service mails, settling doubt."""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import Max

from campaigns.delivery.links import Target
from campaigns.delivery.models import Batch, FrequencyRule, Link, Mailing, Message, Run, RunState, Sender, SenderAccount
from campaigns.delivery.types import Gate, MailingKind, MessageState, NewMessage, Refused, SkipReason
from personalize.accounts.models import Brand
from personalize.content.models import TemplateVersion
from personalize.core import audit, hooks
from personalize.core.clock import now
from personalize.core.copy import insert_new_rows, stored_moment, stored_uuid
from personalize.core.database import among, json_parameter
from personalize.core.localtime import Window
from personalize.core.queue import enqueue
from personalize.core.states import move
from segments.consent.models import Topic
from segments.subscribers.models import Subscriber

_SLICE = 1000
_WRITTEN = (
    "uuid",
    "mailing_id",
    "subscriber_id",
    "address_key",
    "dedupe_key",
    "state",
    "due_at",
    "expires_at",
    "attempt",
    "reason",
    "context",
    "started_at",
    "created_at",
    "settled_by",
    "reply",
    "esp_id",
)

LONGEST_KEY = 80
"""Characters of a service mail's key that are stored as they are; a longer one is kept as its hash."""


def create_sender(
    *, name: str, email: str, reply_to: str = "", account: SenderAccount | None = None, actor: Any
) -> Sender:
    """Make a sender on ``account``, by default the one that the settings describe."""
    with transaction.atomic():
        if account is None:
            account, _ = SenderAccount.objects.get_or_create(name="Default")
        sender, new = Sender.objects.get_or_create(
            name=name, email=email, defaults={"reply_to": reply_to, "account": account}
        )
        if new:
            audit.record(actor=actor, action="settings.edit", target=sender)
    return sender


def open_mailing(
    *,
    name: str,
    owner_kind: str,
    owner: uuid.UUID,
    version: TemplateVersion,
    sender: Sender,
    topic: Topic | None,
    kind: MailingKind = MailingKind.MARKETING,
    group: uuid.UUID | None = None,
    window: Window | None = None,
    priority: int = 50,
) -> Mailing:
    """Freeze one content for its owner, with its static links stored; the gate is held until the owner opens it.

    ``group`` is the whole that the owner is part of. Asked again for the same owner it gives the same mailing. A service mailing counts neither opens nor clicks.
    """
    counts = kind == MailingKind.MARKETING
    with transaction.atomic():
        mailing, new = Mailing.objects.get_or_create(
            owner_kind=owner_kind,
            owner=owner,
            defaults={
                "name": name,
                "kind": kind,
                "group": group,
                "version": version,
                "sender": sender,
                "topic": topic,
                "track_opens": counts,
                "track_clicks": counts,
                "gate": Gate.HELD,
                "window": window.as_json() if window else None,
                "priority": priority,
                "created_at": now(),
            },
        )
        if new:
            store_static_links(mailing)
    return mailing


def store_static_links(mailing: Mailing) -> None:
    """Store the targets that are the same for everyone under the numbers the version compiled in."""
    Link.objects.bulk_create(
        [
            Link(
                mailing=mailing,
                number=link["number"],
                key=Target(block=link["block"], url=f"{link['number']}:{link['url']}").key,
                url=link["url"],
                label=link["label"][:200],
                block=link["block"],
            )
            for link in mailing.version.links
        ]
    )


def send_service_mail(
    *,
    subscriber: Subscriber,
    version: TemplateVersion,
    context: Mapping[str, Any],
    key: str,
    name: str,
    sender: Sender | None = None,
) -> Message | Refused:
    """Write one service mail that is due now, in the caller's transaction, and ring for someone to send it.

    ``context`` is plain JSON data, the ``trigger.*`` fields of the template. The same ``key`` again, for the same person
    and template, gives the message that is there, also when the template has a newer version since. ``name`` is what the
    mail is called on the person's timeline. Without ``sender`` it goes out from the first there is, or from one made of
    the brand. Needs no consent, counts to no cap and is never tracked; whether the address may be mailed at all is asked at
    the hand-over. Raises ValueError when ``key`` is empty.
    """
    if not key:
        raise ValueError("A service mail needs a key, so that it is sent once.")
    once = key if len(key) <= LONGEST_KEY else hashlib.sha256(key.encode()).hexdigest()
    with transaction.atomic():
        # Two requests with one key meet here; the second finds what the first wrote, under whichever version.
        Subscriber.objects.select_for_update(of=("self",), no_key=True).get(pk=subscriber.pk)
        written = Message.objects.filter(
            subscriber=subscriber,
            dedupe_key=once,
            mailing__kind=MailingKind.SERVICE,
            mailing__version__template_id=version.template_id,
        ).first()
        if written is not None:
            return written
        sender = sender or _service_sender()
        if sender is None:
            return Refused.NO_SENDER
        mailing = open_mailing(
            name=name[:160],
            owner_kind="service",
            owner=uuid.uuid5(version.uuid, str(sender.uuid)),
            version=version,
            sender=sender,
            topic=None,
            kind=MailingKind.SERVICE,
        )
        message = Message.objects.create(
            uuid=uuid.uuid4(),
            mailing=mailing,
            subscriber=subscriber,
            address_key=subscriber.address_key,
            dedupe_key=once,
            due_at=now(),
            context=dict(context),
            created_at=now(),
        )
        open_gate(mailing=mailing)
    return message


def write_messages(*, mailing: Mailing, messages: Sequence[NewMessage]) -> dict[str, uuid.UUID]:
    """Write mails of one mailing in the caller's transaction; gives the uuid of each by its key.

    A person's mail with a key that was written before is the one that is there. Whether it may be sent is asked at the
    hand-over. The keys are of different people, or at least different.
    """
    uuids = {one.key: uuid.uuid4() for one in messages}
    created_at = stored_moment(now())
    with transaction.atomic():
        people = Subscriber.objects.filter(pk__in=among({one.subscriber_id for one in messages}))
        addresses = dict(people.values_list("pk", "address_key"))
        rows = [
            (
                stored_uuid(uuids[one.key]),
                mailing.pk,
                one.subscriber_id,
                addresses[one.subscriber_id],
                one.key,
                MessageState.READY.value,
                stored_moment(one.due_at),
                stored_moment(one.expires_at) if one.expires_at else None,
                0,
                "",
                json_parameter(one.context),
                stored_moment(one.started_at) if one.started_at else None,
                created_at,
                "",
                "",
                "",
            )
            for one in messages
        ]
        new = {
            key
            for start in range(0, len(rows), _SLICE)
            for (key,) in insert_new_rows(Message, _WRITTEN, rows[start : start + _SLICE], returning=["dedupe_key"])
        }
        found = {key: uuids[key] for key in new}
        if there := uuids.keys() - new:
            before = Message.objects.filter(mailing=mailing, subscriber__in=among(addresses), dedupe_key__in=there)
            found |= dict(before.values_list("dedupe_key", "uuid"))
        enqueue("delivery.look")
    return found


def withdraw_messages(*, uuids: Collection[uuid.UUID], reason: SkipReason) -> int:
    """Skip those of these mails that were not handed over yet, in the caller's transaction; how many they were."""
    waiting = Message.objects.filter(uuid__in=list(uuids), state__in=(MessageState.READY, MessageState.CLAIMED))
    return waiting.skip(reason, at=now())


def save_limit(*, rule: FrequencyRule | None, actor: Any, **values: Any) -> FrequencyRule:
    """Make or change a frequency rule; it holds from the next hand-over on, and counts what went out before."""
    with transaction.atomic():
        saved = rule or FrequencyRule(created_at=now())
        for name, value in values.items():
            setattr(saved, name, value)
        saved.save()
        audit.record(actor=actor, action="settings.edit", target=saved, created=rule is None)
    return saved


def _service_sender() -> Sender | None:
    """The first sender there is, else one made of the brand's name and website; None when neither says enough."""
    first = Sender.objects.order_by("pk").first()
    if first is not None:
        return first
    brand = Brand.objects.first()
    host = (urlsplit(brand.website).hostname or "").removeprefix("www.") if brand else ""
    if brand is None or "." not in host:
        return None
    return create_sender(name=brand.name, email=f"hello@{host}", actor="system")


def begin_run(*, owner_kind: str, owner: uuid.UUID, as_of: dt.datetime) -> Run:
    """Start the drawing of an audience among the people there are now."""
    return Run.objects.create(
        owner_kind=owner_kind,
        owner=owner,
        as_of=as_of,
        upper=Subscriber.objects.aggregate(last=Max("pk"))["last"] or 0,
        created_at=now(),
    )


def end_run(*, run: Run) -> None:
    """List nobody further. Waits for a slice that is being listed, so that none of its messages is overlooked."""
    with transaction.atomic():
        Run.objects.select_for_update().get(pk=run.pk)
        move(run, old=RunState.EXPANDING, new=RunState.EXPANDED, expanded_at=now())


def open_gate(*, mailing: Mailing) -> None:
    """Let the mailing's messages leave, and ring for someone to look."""
    Mailing.objects.filter(pk=mailing.pk).exclude(gate=Gate.CLOSED).update(gate=Gate.OPEN)
    enqueue("delivery.look")


def hold_gate(*, mailing: Mailing) -> None:
    """Keep the mailing's messages where they are; senders return what they hold with their next hand-over."""
    Mailing.objects.filter(pk=mailing.pk).exclude(gate=Gate.CLOSED).update(gate=Gate.HELD)


def close_gate(*, mailing: Mailing) -> None:
    """End the mailing: everything not yet handed over is skipped as cancelled. Final."""
    with transaction.atomic():
        Mailing.objects.filter(pk=mailing.pk).update(gate=Gate.CLOSED)
        Message.objects.filter(mailing=mailing, state__in=(MessageState.READY, MessageState.CLAIMED)).skip(
            SkipReason.CANCELLED, at=now()
        )


def is_settled(*, run: Run, mailings: Collection[Mailing]) -> bool:
    """Whether the run is fully listed and none of its messages may still leave: index probes, no count."""
    if run.state != RunState.EXPANDED:
        return False
    mine = Message.objects.filter(mailing__in=mailings)
    held = mine.filter(token__in=Batch.objects.values("token"), state__in=(MessageState.CLAIMED, MessageState.SENDING))
    return not mine.filter(due_at__isnull=False).exists() and not held.exists()


def send_again(*, message: Message, actor: Any, reason: str) -> bool:
    """A person decides that a message in doubt goes out once more; false when it no longer is in doubt.

    The old claim's token goes, so a late answer to the first attempt cannot settle the second.
    """
    with transaction.atomic():
        won = move(
            message, old=MessageState.IN_DOUBT, new=MessageState.READY, token=None, due_at=now(), settled_at=None
        )
        if won:
            audit.record(actor=actor, action="settle.doubt", target=message, reason=reason, decision="send again")
            hooks.facts_changed(subscriber_ids=[message.subscriber_id])
            enqueue("delivery.look")
    return won


def leave_in_doubt(*, message: Message, actor: Any, reason: str) -> bool:
    """A person decides that a message in doubt stays so; stamps who and when."""
    with transaction.atomic():
        left = Message.objects.filter(pk=message.pk, state=MessageState.IN_DOUBT, settled_at__isnull=True).update(
            settled_at=now(), settled_by=str(actor)[:80]
        )
        if left:
            audit.record(actor=actor, action="settle.doubt", target=message, reason=reason, decision="leave")
    return bool(left)
