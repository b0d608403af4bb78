"""What becomes of what a person allowed when they are handed their data, erased, or merged."""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from personalize.core.personal import empty, rows_of
from personalize.core.registries import PersonalData, Retention
from segments.consent.letters import CONFIRM_WITHIN
from segments.consent.models import ConsentAction, ConsentEntry, Subscription, SubscriptionState

_SLICE = 1000


def declared() -> list[PersonalData]:
    """One declaration for each model that leads to a person."""
    return [
        rows_of("consent.Subscription", label=_("Topics"), fate=_("deleted"), unique_with=["topic"]),
        rows_of(
            "consent.ConsentEntry",
            label=_("Proof of consent"),
            fate=_("kept as proof, without network and details"),
            erase=empty(ip_prefix="", details={}),
        ),
    ]


def unconfirmed() -> Retention:
    """Wishes that nobody confirmed: what waits ends, and what was told to the form is forgotten."""
    return Retention(
        "consent.unconfirmed",
        _("Sign-ups that nobody confirmed"),
        CONFIRM_WITHIN.days,
        count=lambda before: _waiting(before).count(),
        prune=_forget,
    )


def _waiting(before: dt.datetime) -> QuerySet[Subscription]:
    return Subscription.objects.filter(state=SubscriptionState.PENDING, changed_at__lt=before)


def _forget(before: dt.datetime) -> int:
    gone = 0
    while some := list(_waiting(before).values_list("pk", "subscriber_id")[:_SLICE]):
        asked = ConsentEntry.objects.filter(
            subscriber__in={person for _pk, person in some}, action=ConsentAction.REQUESTED, recorded_at__lt=before
        )
        with transaction.atomic():
            asked.update(details={}, ip_prefix="")
            gone += _waiting(before).filter(pk__in=[pk for pk, _person in some]).delete()[0]
    return gone
