"""Who goes out of automations before their end: because of what happened, by hand, without consent, or with a merge."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from campaigns.automations import ending
from campaigns.automations.models import Automation, Enrolment
from campaigns.automations.types import EnrolmentState, ExitReason
from personalize.core import audit
from personalize.core.clock import now
from segments.consent.models import Subscription, SubscriptionState, Suppression
from segments.subscribers.models import Subscriber


def exit_enrolments(*, enrolments: QuerySet[Enrolment], reason: str, at: dt.datetime) -> int:
    """End those that are open, for this reason, and withdraw their mails that were not handed over; gives how many.

    They give back their place, so that the same person may come in again where the automation lets them. In one
    transaction, or in the caller's; waits for whoever is taking them on.
    """
    return ending.end(enrolments, state=EnrolmentState.EXITED, reason=reason, at=at)


def take_out(*, enrolments: QuerySet[Enrolment], actor: Any, at: dt.datetime | None = None) -> int:
    """End those that are open because somebody says so, and note who did; gives how many."""
    at = at or now()
    taken_out = 0
    with transaction.atomic():
        meant = enrolments.filter(ended_at__isnull=True).order_by().values("automation")
        for automation in Automation.objects.filter(pk__in=meant).order_by("pk"):
            theirs = enrolments.filter(automation=automation)
            number = exit_enrolments(enrolments=theirs, reason=ExitReason.BY_HAND, at=at)
            if number:
                audit.record(actor=actor, action="automation.run", target=automation, taken_out=number)
            taken_out += number
    return taken_out


def end_without_consent(*, subscriber: Subscriber, wait: bool = True, at: dt.datetime | None = None) -> int:
    """End what a person is in and may not be mailed about, because they left the topic or the address is blocked.

    Without ``wait`` those whom somebody is just taking on are left out. Gives how many are still to be ended.
    """
    at = at or now()
    open_ = Enrolment.objects.filter(subscriber=subscriber, ended_at__isnull=True)
    about = OuterRef("automation__topic_id")
    follows = Subscription.objects.filter(subscriber=subscriber, topic_id=about, state=SubscriptionState.SUBSCRIBED)
    barred = Suppression.objects.in_force(at).filter(
        Q(topic__isnull=True) | Q(topic_id=about), address_key=subscriber.address_key
    )
    left = 0
    for reason, without in (
        (ExitReason.NO_CONSENT, Q(~Exists(follows), automation__topic__isnull=False)),
        (ExitReason.SUPPRESSED, Q(Exists(barred))),
    ):
        ids = set(open_.filter(without).values_list("pk", flat=True))
        if not ids:
            continue
        with transaction.atomic():
            free = Enrolment.objects.filter(pk__in=ids).order_by("pk")
            free = free.select_for_update(of=("self",), no_key=True, skip_locked=not wait)
            mine = set(free.values_list("pk", flat=True))
            exit_enrolments(enrolments=Enrolment.objects.filter(pk__in=mine), reason=reason, at=at)
        left += len(ids - mine)
    return left


def give_to_survivor(survivor: Subscriber, duplicate: Subscriber) -> int:
    """Move a duplicate's ways to the person who stays; of two for the same, or of which one may be open, theirs goes on.

    Returns how many there were.
    """
    moving = Enrolment.objects.filter(subscriber=duplicate)
    stays = Enrolment.objects.filter(subscriber=survivor, automation=OuterRef("automation"))
    twice = moving.filter(Exists(stays.filter(entry_key=OuterRef("entry_key"))))
    crowded = moving.filter(Exists(stays.filter(place=OuterRef("place"))))
    exit_enrolments(enrolments=(twice | crowded), reason=ExitReason.MERGED, at=now())
    Enrolment.objects.filter(pk__in=list(twice.values_list("pk", flat=True))).delete()
    return moving.update(subscriber=survivor)
