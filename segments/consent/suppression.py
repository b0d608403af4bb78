"""Barring many addresses at once, by the rule that holds for one: nothing in force is ever made weaker."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from django.db import transaction

from personalize.core import clock, hooks
from segments.consent.models import (
    ConsentAction,
    ConsentEntry,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
)
from segments.subscribers.models import Subscriber

STRENGTH = {
    SuppressionReason.UNSUBSCRIBED: 0,
    SuppressionReason.COMPLAINED: 1,
    SuppressionReason.MANUAL: 2,
    SuppressionReason.BOUNCED: 3,
    SuppressionReason.ERASED: 4,
}
"""Which reason stays when an address is barred twice: the one that stops more. The first two are about marketing alone."""

# What a person said themselves goes into their proof, and takes them off the topics.
_WORDS = {
    SuppressionReason.UNSUBSCRIBED: ConsentAction.UNSUBSCRIBED,
    SuppressionReason.COMPLAINED: ConsentAction.COMPLAINED,
}


@dataclass(frozen=True)
class Bar:
    """One address to be barred, by its key: from a topic or from everything, until an instant or for ever."""

    address_key: str
    reason: SuppressionReason
    source: str
    topic_id: int | None = None
    until: dt.datetime | None = None


@dataclass(frozen=True)
class BarCounts:
    """What became of many bars: new ones, those that made one in force stronger or longer, and those that changed nothing."""

    added: int = 0
    strengthened: int = 0
    unchanged: int = 0

    def __add__(self, other: BarCounts) -> BarCounts:
        return BarCounts(
            self.added + other.added, self.strengthened + other.strengthened, self.unchanged + other.unchanged
        )


def bar_all(*, bars: Sequence[Bar]) -> BarCounts:
    """Bar many addresses, some thousands at a time, with a fixed number of statements.

    People who are known and whose reason is their own word, leaving or complaining, are taken off the topics, and it is
    added to their proof. It is history from elsewhere, so ``consent_changed`` is not called.
    """
    now = clock.now()
    wanted: dict[tuple[str, int | None], Bar] = {}
    for bar in bars:
        place = (bar.address_key, bar.topic_id)
        wanted[place] = _both(wanted[place], bar) if place in wanted else bar
    with transaction.atomic():
        stored = {
            (row.address_key, row.topic_id): row
            for row in Suppression.objects.select_for_update()
            .filter(address_key__in={bar.address_key for bar in wanted.values()})
            .order_by("pk")
        }
        new = [bar for place, bar in wanted.items() if place not in stored]
        changed = [bar for place, bar in wanted.items() if place in stored and _strengthen(stored[place], bar, now)]
        Suppression.objects.bulk_create((_row(bar, now) for bar in new), batch_size=1000, ignore_conflicts=True)
        Suppression.objects.bulk_update(
            [stored[bar.address_key, bar.topic_id] for bar in changed],
            ["reason", "source", "until", "created_at"],
            batch_size=1000,
        )
        _take_their_word([bar for bar in wanted.values() if bar.reason in _WORDS], {*new, *changed}, now)
    return BarCounts(len(new), len(changed), len(bars) - len(new) - len(changed))


def _both(one: Bar, other: Bar) -> Bar:
    """Two bars of one address: the stronger reason, the longer time."""
    stronger = max(one, other, key=lambda bar: STRENGTH[bar.reason])
    return replace(stronger, until=_longer(one.until, other.until))


def _longer(one: dt.datetime | None, other: dt.datetime | None) -> dt.datetime | None:
    return None if one is None or other is None else max(one, other)


def _row(bar: Bar, now: dt.datetime) -> Suppression:
    return Suppression(
        address_key=bar.address_key,
        topic_id=bar.topic_id,
        reason=bar.reason,
        source=bar.source,
        created_at=now,
        until=bar.until,
    )


def _strengthen(row: Suppression, bar: Bar, now: dt.datetime) -> bool:
    """Give a stored row what the bar has more of; false when it has nothing more."""
    over = row.until is not None and row.until <= now
    stronger = over or STRENGTH[bar.reason] > STRENGTH[SuppressionReason(row.reason)]
    until = bar.until if over else _longer(row.until, bar.until)
    if not stronger and until == row.until:
        return False
    if stronger:
        row.reason, row.source, row.created_at = bar.reason, bar.source, now
    row.until = until
    return True


def _take_their_word(bars: Iterable[Bar], written: set[Bar], now: dt.datetime) -> None:
    """Take people off what they left elsewhere, with the proof of it; who had left before and is barred so, is passed over."""
    by_topic: defaultdict[int | None, dict[str, Bar]] = defaultdict(dict)
    for bar in bars:
        by_topic[bar.topic_id][bar.address_key] = bar
    for topic_id, by_key in by_topic.items():
        people = dict(Subscriber.objects.present().filter(address_key__in=by_key).values_list("pk", "address_key"))
        following = Subscription.objects.select_for_update(of=("self",)).filter(subscriber__in=people)
        following = following.exclude(state=SubscriptionState.UNSUBSCRIBED).select_related("topic").order_by("pk")
        left: defaultdict[int, list[str]] = defaultdict(list)
        rows = list(following.filter(topic=topic_id) if topic_id else following)
        for row in rows:
            left[row.subscriber_id].append(row.topic.key)
        Subscription.objects.filter(pk__in=[row.pk for row in rows]).update(
            state=SubscriptionState.UNSUBSCRIBED, changed_at=now, paused_until=None
        )
        hooks.facts_changed(subscriber_ids=sorted(left), imported=True)
        ConsentEntry.objects.bulk_create(
            (
                ConsentEntry(
                    subscriber_id=person,
                    topic_id=topic_id,
                    action=_WORDS[by_key[key].reason],
                    at=now,
                    recorded_at=now,
                    source=by_key[key].source,
                    details={"left": sorted(left[person])},
                )
                for person, key in people.items()
                if by_key[key] in written or left[person]
            ),
            batch_size=1000,
        )
