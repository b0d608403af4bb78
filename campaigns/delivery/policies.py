"""What may hold a mail back at the hand-over besides consent: how many a person gets in a day.

A count of sent rows would let concurrent senders pass the cap together; a counter changed by conditional update does not.
A message holds at most one place. A retry on the same day takes no second; a message skipped or failed gives it back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.db.models import F, Q

from campaigns.delivery.models import FrequencyCount, Message
from campaigns.delivery.types import MessageState, SkipReason
from personalize.accounts.models import Brand
from personalize.core.clock import now


def today() -> dt.date:
    """The day whose places are counted: the calendar day where the brand lives."""
    zone = Brand.objects.values_list("time_zone", flat=True).first() or "UTC"
    return now().astimezone(ZoneInfo(zone)).date()


def hold_places(ids: Collection[int]) -> set[int]:
    """Take a place for each message; those of people whose day is full are skipped, and their ids returned."""
    cap = settings.DELIVERY_DAILY_CAP
    if not cap or not ids:
        return set()
    day = today()
    asking = dict(
        Message.objects.filter(pk__in=ids)
        .exclude(cap_day=day)
        .order_by("subscriber_id", "pk")
        .values_list("pk", "subscriber_id")
    )
    held: set[int] = set()
    full: set[int] = set()
    while asking:
        # One row a person and statement: an upsert may not touch the same counter twice.
        turn = {person: message for message, person in reversed(asking.items())}
        granted = _count_up(sorted(turn), day, cap)
        for person, message in turn.items():
            (held if person in granted else full).add(message)
            del asking[message]
    Message.objects.filter(pk__in=held).update(cap_day=day)
    Message.objects.filter(pk__in=full).update(
        state=MessageState.SKIPPED, reason=SkipReason.CAPPED, handed_at=None, settled_at=now()
    )
    return full


def release_places(ids: Collection[int]) -> None:
    """Give back the places of messages that did not leave after all."""
    if not settings.DELIVERY_DAILY_CAP or not ids:
        return
    holders = Message.objects.filter(pk__in=ids, cap_day__isnull=False)
    for person, day in holders.order_by("subscriber_id").values_list("subscriber_id", "cap_day"):
        places = FrequencyCount.objects.filter(subscriber_id=person, count__gt=0)
        places.filter(Q(day=day)).update(count=F("count") - 1)
    holders.update(cap_day=None)


def _count_up(people: list[int], day: dt.date, cap: int) -> set[int]:
    """Raise each person's counter by one where it is below the cap; gives those for whom it was."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO delivery_frequencycount (subscriber_id, day, count)
            VALUES {", ".join(["(%s, %s, 1)"] * len(people))}
            ON CONFLICT (subscriber_id, day) DO UPDATE SET count = delivery_frequencycount.count + 1
             WHERE delivery_frequencycount.count < %s
            RETURNING subscriber_id
            """,
            [value for person in people for value in (person, day.isoformat())] + [cap],
        )
        return {row[0] for row in cursor.fetchall()}
