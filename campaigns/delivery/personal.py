"""What becomes of a person's mails when they are handed their data, erased, merged, or change their address."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from campaigns.delivery.models import FrequencyCount, Message
from campaigns.delivery.querysets import MessageQuerySet
from campaigns.delivery.types import OPEN_STATES, MessageState, SkipReason
from personalize.core.clock import now
from personalize.core.personal import empty, rows_of
from personalize.core.registries import PersonalData, Retention
from personalize.core.retention import rows_older

# What has not been handed over and can still be changed.
WAITING = (MessageState.READY, MessageState.CLAIMED)
DEDUPE_KEPT = 60


def declared() -> list[PersonalData]:
    """One declaration for each model that leads to a person."""
    return [
        rows_of(
            "delivery.Message",
            label=_("Mails"),
            fate=_("not sent if they wait; the row stays for the sums, without its content"),
            erase=_erase,
            merge=_merge,
            readdress=_readdress,
            hidden=["token", "cap_day", "address_key"],
        ),
        rows_of(
            "delivery.Outcome",
            label=_("What became of mails"),
            fate=_("kept without details"),
            via="message__subscriber",
            erase=empty(details={}),
            hidden=["fingerprint"],
        ),
        rows_of(
            "delivery.FrequencyCount",
            label=_("Mails by day"),
            fate=_("deleted"),
            merge=_add_counts,
            handed_out=False,
        ),
    ]


def kept() -> list[Retention]:
    return [
        rows_older(
            "mail_contents",
            lambda: Message.objects.exclude(state__in=OPEN_STATES),
            "created_at",
            label=_("What was personal in mails"),
            fate=_("emptied, the row stays for the sums"),
            days=730,
            still=Q(context__isnull=False) | Q(trace__isnull=False),
            erase=empty(context=None, trace=None),
        )
    ]


def _erase(rows: QuerySet[Any]) -> int:
    waiting = Message.objects.filter(pk__in=rows.values("pk"), state__in=WAITING)
    waiting.skip(SkipReason.ERASED, at=now())
    return rows.update(context=None, trace=None, reply="", esp_id="")


def _merge(survivor: Any, duplicate: Any) -> int:
    """Nobody gets a mail twice for having been two: what the survivor has of a run or a mailing, the duplicate's waits no
    longer. What still waits goes to the survivor's address.
    """
    moving = Message.objects.filter(subscriber=duplicate)
    theirs = Message.objects.filter(subscriber=survivor)
    same = Exists(theirs.filter(mailing=OuterRef("mailing"), dedupe_key=OuterRef("dedupe_key")))
    moving.filter(same | Exists(theirs.filter(run=OuterRef("run"))), state__in=WAITING).skip(
        SkipReason.DUPLICATE, at=now()
    )
    for message in moving.filter(same).only("pk", "dedupe_key"):
        # Unique among the survivor's, and still readable.
        message.dedupe_key = f"{message.dedupe_key[:DEDUPE_KEPT]}~{uuid.uuid4().hex[:12]}"
        message.save(update_fields=["dedupe_key"])
    waiting = list(moving.filter(state__in=WAITING).values_list("pk", flat=True))
    moved = moving.update(subscriber=survivor)
    _send_to(Message.objects.filter(pk__in=waiting), survivor.address_key)
    return moved


def _readdress(person: Any, former: str) -> int:
    return _send_to(
        Message.objects.filter(subscriber=person, address_key=former, state__in=WAITING), person.address_key
    )


def _send_to(rows: MessageQuerySet, key: str) -> int:
    """Let waiting messages follow to the address of this key; a run mails an address once.

    What a sender has claimed goes back to waiting, for the old address may be in its hands already.
    """
    listed = Message.objects.filter(run=OuterRef("run"), address_key=key).exclude(pk=OuterRef("pk"))
    skipped = rows.filter(Exists(listed)).skip(SkipReason.DUPLICATE, at=now())
    rows.filter(state=MessageState.CLAIMED).update(state=MessageState.READY, token=None, due_at=now())
    return skipped + rows.filter(state=MessageState.READY).update(address_key=key)


def _add_counts(survivor: Any, duplicate: Any) -> int:
    theirs = list(FrequencyCount.objects.filter(subscriber=duplicate))
    for count in theirs:
        mine = FrequencyCount.objects.filter(subscriber=survivor, day=count.day)
        if mine.update(count=F("count") + count.count):
            count.delete()
        else:
            FrequencyCount.objects.filter(pk=count.pk).update(subscriber=survivor)
    return len(theirs)
