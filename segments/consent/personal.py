"""What becomes of what a person allowed when they are handed their data, erased, merged, or change their address."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from personalize.core import hooks
from personalize.core.addresses import address_key
from personalize.core.personal import empty, rows_of
from personalize.core.registries import PersonalData, Retention
from segments.consent.letters import CONFIRM_WITHIN
from segments.consent.models import (
    ConsentAction,
    ConsentEntry,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
)
from segments.consent.services import carry_over, suppress

# Of two words on one topic the stricter holds.
_STRICTNESS = {SubscriptionState.SUBSCRIBED: 0, SubscriptionState.PENDING: 1, SubscriptionState.UNSUBSCRIBED: 2}
_SLICE = 1000


def declared() -> list[PersonalData]:
    """One declaration for each model that leads to a person, or to their address."""
    return [
        rows_of("consent.Subscription", label=_("Topics"), fate=_("deleted"), merge=_merge_subscriptions),
        rows_of(
            "consent.ConsentEntry",
            label=_("Proof of consent"),
            fate=_("kept as proof, without network and details"),
            erase=empty(ip_prefix="", details={}),
        ),
        PersonalData(
            model="consent.Suppression",
            label=_("Bars on the address"),
            count=lambda person: _bars(person).count(),
            export=lambda person: _bars(person).values("topic__name", "reason", "source", "created_at", "until"),
            erase=_bar_for_good,
            merge=lambda survivor, duplicate: carry_over(
                former=duplicate.address_key, current=survivor.address_key, source="merge"
            ),
            readdress=lambda person, former: carry_over(
                former=former, current=person.address_key, source="change of address"
            ),
            fate=_("kept under the keyed hash, and one added that bars the address for good"),
        ),
    ]


def unconfirmed() -> Retention:
    """Wishes that nobody confirmed: what waits ends, and what was told to the form is forgotten."""
    return Retention(
        key="unconfirmed",
        label=_("Sign-ups that nobody confirmed"),
        days=CONFIRM_WITHIN.days,
        count=lambda before: _waiting(before).count(),
        prune=_forget,
        fate=_("deleted"),
    )


def _waiting(before: dt.datetime) -> QuerySet[Subscription]:
    return Subscription.objects.filter(state=SubscriptionState.PENDING, changed_at__lt=before)


def _forget(before: dt.datetime) -> int:
    some = list(_waiting(before).values_list("pk", "subscriber_id")[:_SLICE])
    asked = ConsentEntry.objects.filter(
        subscriber__in={person for _pk, person in some}, action=ConsentAction.REQUESTED, recorded_at__lt=before
    )
    with transaction.atomic():
        asked.update(details={}, ip_prefix="")
        hooks.facts_changed(subscriber_ids=[person for _pk, person in some])
        return _waiting(before).filter(pk__in=[pk for pk, _person in some]).delete()[0]


def _bars(person: Any) -> QuerySet[Suppression]:
    return Suppression.objects.filter(address_key=person.address_key)


def _bar_for_good(person: Any) -> int:
    """Bar the address, and those of the rows that were merged into this one: all of them are the same person's."""
    keys = {person.address_key, *map(address_key, person.addresses())}
    return sum(suppress(address_key=key, reason=SuppressionReason.ERASED, source="erasure") for key in sorted(keys))


def _merge_subscriptions(survivor: Any, duplicate: Any) -> int:
    mine = {stored.topic_id: stored for stored in Subscription.objects.filter(subscriber=survivor)}
    theirs = list(Subscription.objects.filter(subscriber=duplicate))
    for other in theirs:
        stored = mine.get(other.topic_id)
        if stored is None:
            other.subscriber = survivor
            other.save(update_fields=["subscriber"])
            continue
        ours, given = (_STRICTNESS[SubscriptionState(one.state)] for one in (stored, other))
        if given > ours:
            stored.state, stored.changed_at = other.state, other.changed_at
        elif given == ours:
            stored.changed_at = max(stored.changed_at, other.changed_at)
        stored.paused_until = _later(stored.paused_until, other.paused_until)
        stored.save(update_fields=["state", "changed_at", "paused_until"])
        other.delete()
    return len(theirs)


def _later(one: dt.datetime | None, other: dt.datetime | None) -> dt.datetime | None:
    return max(one, other) if one and other else one or other
