"""What may hold a mail back at the hand-over besides consent, how many a person gets; and whether their copy is tracked.

A count of sent rows would let concurrent senders pass the cap together; a counter changed by conditional update does not.
A message holds at most one place. A retry on the same day takes no second; a message skipped or failed gives it back.

Whoever asked for one mail a week gets none while they hold a place in the last seven days. Without a daily cap only their
places are counted.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.db.models import F, Q

from campaigns.delivery.models import FrequencyCount, Mailing, Message
from campaigns.delivery.types import MailingKind, SkipReason
from personalize.accounts.models import Brand
from personalize.content.types import PersonContext
from personalize.core.clock import now
from segments.subscribers.models import Rhythm

WEEK = dt.timedelta(days=7)
ONE_DAY = dt.timedelta(days=1)
_NO_CAP = 32_767


def today() -> dt.date:
    """The day whose places are counted: the calendar day where the brand lives."""
    zone = Brand.objects.values_list("time_zone", flat=True).first() or "UTC"
    return now().astimezone(ZoneInfo(zone)).date()


@dataclass(frozen=True)
class Asking:
    """A message that wants to leave, whose it is, how often they want mail, and the day in whose count it has a place.

    ``limited`` says whether there is any frequency rule to ask.
    """

    message: int
    subscriber: int
    rhythm: str
    cap_day: str | dt.date | None
    limited: bool | int = False


def hold_places(asking: Collection[Asking]) -> set[int]:
    """Take a place for each message; those of people who had theirs are skipped, and their ids returned.

    A place of an earlier day, held by a message that was refused then, is given back first.
    """
    cap = settings.DELIVERY_DAILY_CAP
    concerned = [one for one in asking if cap or one.rhythm == Rhythm.WEEKLY]
    if not concerned:
        return set()
    day = today()
    wanting = [one for one in concerned if str(one.cap_day) != day.isoformat()]
    release_places([one.message for one in wanting if one.cap_day])
    waiting = sorted(wanting, key=lambda one: (one.subscriber, one.message))
    held: set[int] = set()
    turned_away: dict[SkipReason, set[int]] = {SkipReason.RHYTHM: set(), SkipReason.CAPPED: set()}
    while waiting:
        # One row a person and statement: an upsert may not touch the same counter twice.
        turn = {one.subscriber: one for one in reversed(waiting)}
        had_theirs = _lately([person for person, one in turn.items() if one.rhythm == Rhythm.WEEKLY], day)
        granted = _count_up(sorted(turn.keys() - had_theirs), day, cap or _NO_CAP)
        for person, one in turn.items():
            if person in granted:
                held.add(one.message)
            else:
                reason = SkipReason.RHYTHM if person in had_theirs else SkipReason.CAPPED
                turned_away[reason].add(one.message)
        waiting = [one for one in waiting if one is not turn[one.subscriber]]
    Message.objects.filter(pk__in=held).update(cap_day=day)
    for reason, ids in turned_away.items():
        if ids:
            Message.objects.filter(pk__in=ids).skip(reason, at=now())
    _name_winners(turned_away[SkipReason.CAPPED], day)
    return set().union(*turned_away.values())


def release_places(ids: Collection[int]) -> None:
    """Give back the places of messages that did not leave after all."""
    if not ids:
        return
    holders = Message.objects.filter(pk__in=ids, cap_day__isnull=False)
    for person, day in holders.order_by("subscriber_id").values_list("subscriber_id", "cap_day"):
        places = FrequencyCount.objects.filter(subscriber_id=person, count__gt=0)
        places.filter(Q(day=day)).update(count=F("count") - 1)
    holders.update(cap_day=None)


def _name_winners(ids: Collection[int], day: dt.date) -> None:
    """Note in capped messages which mailings had the places of their people's day."""
    if not ids:
        return
    messages = list(Message.objects.filter(pk__in=ids).only("subscriber", "trace"))
    holders = Message.objects.filter(subscriber__in={message.subscriber_id for message in messages}, cap_day=day)
    took: dict[int, list[str]] = defaultdict(list)
    for person, mailing in holders.order_by("handed_at").values_list("subscriber", "mailing__uuid").distinct():
        took[person].append(str(mailing))
    for message in messages:
        message.trace = {**(message.trace or {}), "capped_by": took[message.subscriber_id]}
    Message.objects.bulk_update(messages, ["trace"])


def tracks(mailing: Mailing, context: PersonContext) -> bool:
    """Whether one person's copy holds a pixel and counted links: asked for by a marketing mailing, allowed by the person."""
    return mailing.kind == MailingKind.MARKETING and mailing.track_opens and mailing.track_clicks and context.tracked


def _lately(people: list[int], day: dt.date) -> set[int]:
    """Those of the people who hold a place in the seven days that end with ``day``."""
    if not people:
        return set()
    lock_people(people, day)
    week = FrequencyCount.objects.filter(subscriber__in=people, day__gt=day - WEEK, count__gt=0)
    return set(week.values_list("subscriber_id", flat=True))


def lock_people(people: Collection[int], day: dt.date | None = None) -> None:
    """Let no other sender count the mails of these people until the hand-over commits.

    Yesterday's counter and today's are held: around midnight two senders count on different days, and would otherwise both
    find nothing.
    """
    day = day or today()
    counters = [(person, one) for person in sorted(people) for one in (day - ONE_DAY, day)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO delivery_frequencycount (subscriber_id, day, count)
            VALUES {", ".join(["(%s, %s, 0)"] * len(counters))}
            ON CONFLICT (subscriber_id, day) DO UPDATE SET count = delivery_frequencycount.count
            """,
            [value for person, one in counters for value in (person, one.isoformat())],
        )


def _count_up(people: list[int], day: dt.date, cap: int) -> set[int]:
    """Raise each person's counter by one where it is below the cap; gives those for whom it was."""
    if not people:
        return set()
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
