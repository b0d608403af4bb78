"""The service mails that consent asks for: when one is due, and what it says and where it leads.

Delivery writes them, in the same transaction, when it hears ``mail_requested``. ``context`` has ``url`` (absolute),
``topics`` (their names) and ``key``, which is the same for what must be mailed once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.urls import reverse

from personalize.core import hooks, tokens
from personalize.core.tokens import Purpose
from segments.consent.models import ConsentAction, ConsentEntry, Subscription, SubscriptionState, Topic
from segments.subscribers.models import Subscriber

CONFIRM_WITHIN = dt.timedelta(days=30)
UNDO_WITHIN = dt.timedelta(days=30)
DAY = dt.timedelta(days=1)
AGAIN_AFTER = dt.timedelta(hours=1)
CONFIRMATIONS_A_DAY = 3

_PAGES = {
    Purpose.PREFERENCES: "consent:preferences",
    Purpose.CONFIRM: "consent:confirm",
    Purpose.UNDO: "consent:undo",
}


def address(purpose: Purpose, subscriber: Subscriber, at: dt.datetime) -> str:
    """The absolute address of this person's page."""
    token = tokens.seal(purpose, subscriber.uuid, issued_at=at)
    return f"{settings.BASE_URL}{reverse(_PAGES[purpose], args=[token])}"


def confirmation_due(subscriber: Subscriber, at: dt.datetime, *, again: bool) -> bool:
    """Whether a confirmation may be mailed now: three a day, and ``again`` for the same wish once an hour."""
    mailed = [
        entry.recorded_at
        for entry in ConsentEntry.objects.filter(
            subscriber=subscriber, action=ConsentAction.REQUESTED, recorded_at__gt=at - DAY, details__mailed=True
        )
    ]
    return len(mailed) < CONFIRMATIONS_A_DAY and not (again and mailed and max(mailed) > at - AGAIN_AFTER)


def ask_to_confirm(subscriber: Subscriber, entry: ConsentEntry, at: dt.datetime) -> None:
    """One mail for everything that waits for this person's confirmation; ``entry`` is the request that it answers."""
    waiting = Subscription.objects.filter(subscriber=subscriber, state=SubscriptionState.PENDING)
    topics = waiting.order_by("topic__name").values_list("topic__name", flat=True)
    _request("confirmation", Purpose.CONFIRM, subscriber, at, key=f"confirmation:{entry.pk}", topics=list(topics))


def undo_due(subscriber: Subscriber, at: dt.datetime) -> bool:
    """Whether the person may be told that they left: once a day."""
    told = ConsentEntry.objects.filter(
        subscriber=subscriber, action=ConsentAction.UNSUBSCRIBED, recorded_at__gt=at - DAY, details__mailed=True
    )
    return not told.exists()


def tell_of_leaving(subscriber: Subscriber, entry: ConsentEntry, left: Sequence[Topic]) -> None:
    """Tell a person that they left, with the way back: a mail may have been forwarded to somebody who left for them."""
    _request(
        "undo",
        Purpose.UNDO,
        subscriber,
        entry.recorded_at,
        key=f"undo:{entry.pk}",
        topics=sorted(topic.name for topic in left),
        everything=entry.topic_id is None,
    )


def leaving_behind(subscriber: Subscriber, issued_at: dt.datetime) -> ConsentEntry | None:
    """The leaving that a person was told of by the mail whose link was made at ``issued_at`` (whole minutes)."""
    told = ConsentEntry.objects.filter(
        subscriber=subscriber,
        action=ConsentAction.UNSUBSCRIBED,
        details__mailed=True,
        recorded_at__gte=issued_at,
        recorded_at__lt=issued_at + dt.timedelta(minutes=1),
    )
    return told.select_related("topic").first()


def send_link(subscriber: Subscriber, at: dt.datetime) -> None:
    """The way to a person's own preferences, fresh enough to see and change everything; one a minute at most."""
    _request(
        "preferences_link",
        Purpose.PREFERENCES,
        subscriber,
        at,
        key=f"preferences_link:{subscriber.uuid}:{int(at.timestamp()) // 60}",
        topics=[],
    )


def _request(
    kind: str, purpose: Purpose, subscriber: Subscriber, at: dt.datetime, *, key: str, topics: list[str], **more: Any
) -> None:
    context = {"url": address(purpose, subscriber, at), "topics": topics, "key": key, **more}
    hooks.mail_requested(kind=kind, subscriber=subscriber, context=context)
