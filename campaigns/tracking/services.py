"""What a request on a link of a mail does: it is kept as a hit and judged, or it ends or renews a subscription."""

from __future__ import annotations

import datetime as dt
import enum
import logging
from collections import defaultdict

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Count

from campaigns.delivery import outcomes
from campaigns.delivery.models import Link, Message
from campaigns.delivery.types import OutcomeKind
from campaigns.tracking import recognition
from campaigns.tracking.models import Hit, HitKind, Verdict
from campaigns.tracking.recognition import RULE_VERSION, SETTLE, Visit
from personalize.core import clock, states
from segments.consent import services as consent
from segments.consent.models import ConsentAction, ConsentEntry
from segments.consent.types import Outcome
from segments.subscribers.models import Tracking

logger = logging.getLogger(__name__)

UNDO_WITHIN = dt.timedelta(hours=1)
_SETTLE_AT_ONCE = 200


class Scope(enum.StrEnum):
    """How much somebody leaves: the topic of the mail, or every mail that is not a service."""

    TOPIC = "topic"
    ALL = "all"


def record_hit(*, message: Message, kind: HitKind, visit: Visit, link: Link | None = None) -> Hit | None:
    """Keep a hit on ``message``; an open that no machine made is applied as its outcome at once, a click once settled.

    None when nothing may be kept, because the person refused tracking or was erased, and when the database fails: that is
    logged, since the reader waiting for a page must not pay for it.
    """
    if message.subscriber.erased_at or message.subscriber.tracking == Tracking.DENIED:
        return None
    judgement = recognition.at_sight(kind, visit, handed_at=message.handed_at)
    try:
        with transaction.atomic():
            hit = Hit.objects.create(
                message=message,
                link=link,
                kind=kind,
                at=visit.at,
                method=visit.method,
                agent=recognition.family(visit.agent),
                ip_prefix=visit.network,
                verdict=judgement.verdict,
                reasons=list(judgement.reasons),
                rule_version=RULE_VERSION,
            )
            if kind == HitKind.OPEN and judgement.verdict != Verdict.MACHINE and message.opened_at is None:
                outcomes.apply(
                    message=message,
                    kind=OutcomeKind.OPENED,
                    at=visit.at,
                    fingerprint="open",
                )
    except DatabaseError:
        logger.exception("A hit on message %s was not kept.", message.uuid)
        return None
    return hit


def settle_clicks(*, now: dt.datetime) -> int:
    """Judge the clicks whose surroundings are complete at ``now``; a person's click becomes an outcome, once for each link.

    Gives how many were judged. Two processes may do this at once: the conditional update says who applies a click.
    """
    waiting = list(Hit.objects.waiting(before=now - SETTLE).select_related("message", "link")[:_SETTLE_AT_ONCE])
    if not waiting:
        return 0
    near: dict[int, list[Hit]] = defaultdict(list)
    for other in Hit.objects.clicks().filter(
        message__in={hit.message_id for hit in waiting}, at__range=(waiting[0].at - SETTLE, waiting[-1].at + SETTLE)
    ):
        near[other.message_id].append(other)
    mailings = {hit.message.mailing_id for hit in waiting}
    links = dict(Link.objects.filter(mailing__in=mailings).order_by().values_list("mailing").annotate(n=Count("pk")))
    fast = dt.timedelta(seconds=settings.TRACKING_FAST_SECONDS)
    for hit in waiting:
        judgement = recognition.settled(
            hit,
            near[hit.message_id],
            handed_at=hit.message.handed_at,
            links=links.get(hit.message.mailing_id, 0),
            fast=fast,
        )
        with transaction.atomic():
            won = states.move(
                hit, field="verdict", old=Verdict.UNKNOWN, new=judgement.verdict, reasons=list(judgement.reasons)
            )
            if won and judgement.verdict == Verdict.HUMAN:
                number = hit.link.number if hit.link else 0
                outcomes.apply(
                    message=hit.message,
                    kind=OutcomeKind.CLICKED,
                    at=hit.at,
                    fingerprint=f"link:{number}",
                    details={"link": number},
                )
    return len(waiting)


def leave(*, message: Message, scope: Scope, source: str, network: str = "") -> None:
    """End the subscription to the mail's topic, or to everything; a mail without a topic can only be left altogether.

    Idempotent. An erased person has left already.
    """
    if message.subscriber.erased_at:
        return
    now = clock.now()
    with transaction.atomic():
        consent.unsubscribe(
            subscriber=message.subscriber,
            topic=message.mailing.topic if scope is Scope.TOPIC else None,
            source=source,
            at=now,
            message=message.uuid,
            ip_prefix=network,
        )
        outcomes.apply(
            message=message,
            kind=OutcomeKind.UNSUBSCRIBED,
            at=now,
            fingerprint="unsubscribe",
            details={"scope": scope.value},
        )


def come_back(*, message: Message) -> bool:
    """Undo what the link of this very mail ended within UNDO_WITHIN; false when there is nothing of the kind.

    Whoever was forwarded the mail can therefore bring nobody back who left by other ways or long ago.
    """
    now = clock.now()
    with transaction.atomic():
        left = (
            ConsentEntry.objects.filter(
                subscriber=message.subscriber_id,
                message=message.uuid,
                action=ConsentAction.UNSUBSCRIBED,
                at__gte=now - UNDO_WITHIN,
            )
            .order_by("-at", "-pk")
            .first()
        )
        if left is None or message.subscriber.erased_at:
            return False
        outcome = consent.restore(
            subscriber=message.subscriber, topic=left.topic, source="undo", at=now, message=message.uuid
        )
    return outcome is Outcome.CHANGED
