"""What the shop offers people to follow: topics and sign-up forms, stored and counted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Q, QuerySet
from django.template.loader import render_to_string
from django.urls import reverse

from personalize.core import audit, clock
from segments.consent.models import ConsentAction, ConsentEntry, SignupForm, SubscriptionState, Topic

COUNTED = dt.timedelta(days=30)


def save_topic(*, topic: Topic, values: Mapping[str, Any], actor: Any) -> Topic:
    """Store a new or changed topic; the key of a stored one stays, for it stands in proofs."""
    stored = topic.pk is not None
    with transaction.atomic():
        for name, value in values.items():
            if not (stored and name == "key"):
                setattr(topic, name, value)
        topic.save()
        audit.record(actor=actor, action="topic.changed" if stored else "topic.created", target=topic)
    return topic


def save_form(
    *, form: SignupForm, values: Mapping[str, Any], topics: Sequence[Topic], lock_version: int, actor: Any
) -> bool:
    """Store a new or changed sign-up form; false when somebody else saved since ``lock_version`` was read."""
    with transaction.atomic():
        stored = form.pk is not None
        if stored:
            kept = {name: value for name, value in values.items() if name != "key"}
            mine = SignupForm.objects.filter(pk=form.pk, lock_version=lock_version)
            if not mine.update(**kept, lock_version=F("lock_version") + 1):
                return False
        else:
            for name, value in values.items():
                setattr(form, name, value)
            form.created_at = clock.now()
            form.save()
        form.topics.set(topics)
        audit.record(actor=actor, action="form.changed" if stored else "form.created", target=form)
    return True


def with_people(topics: QuerySet[Topic]) -> QuerySet[Topic]:
    """Topics with ``following``, ``waiting`` and ``left``: how many people, in one query."""

    def people(state: SubscriptionState) -> Count:
        present = Q(subscriptions__state=state, subscriptions__subscriber__erased_at__isnull=True)
        return Count("subscriptions", filter=present)

    return topics.annotate(
        following=people(SubscriptionState.SUBSCRIBED),
        waiting=people(SubscriptionState.PENDING),
        left=people(SubscriptionState.UNSUBSCRIBED),
    )


def by_form(now: dt.datetime) -> dict[str, tuple[int, int]]:
    """(people who signed up, people who confirmed or needed not) in the last 30 days, by key of the form."""
    came = (
        ConsentEntry.objects.filter(source__startswith="form:", at__gt=now - COUNTED)
        .values("source")
        .annotate(
            asked=Count("subscriber", distinct=True, filter=~Q(action=ConsentAction.CONFIRMED)),
            joined=Count("subscriber", distinct=True, filter=~Q(action=ConsentAction.REQUESTED)),
        )
    )
    return {row["source"].removeprefix("form:"): (row["asked"], row["joined"]) for row in came}


def address(form: SignupForm) -> str:
    """Where the form stands on its own."""
    return f"{settings.BASE_URL}{reverse('consent:form', args=[form.key])}"


def snippets(form: SignupForm) -> dict[str, str]:
    """What a shop pastes into its own page: the frame, which is the whole form, or plain fields to style as it likes."""
    frame = settings.BASE_URL + reverse("consent:form_frame", args=[form.key])
    context = {"form": form, "frame": frame, "address": address(form), "topics": list(form.topics.all())}
    return {
        kind: render_to_string(f"consent/snippet_{kind}.html", context).strip() + "\n" for kind in ("frame", "plain")
    }
