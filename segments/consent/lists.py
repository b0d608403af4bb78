"""Consent on the pages about people: state column, topic filter, tabs, and the proof beside the profile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from personalize.core import clock
from personalize.core.registries import ListColumn, ListFilter, ListView, Panel
from personalize.dashboard.templatetags.dashboard import state
from segments.consent.models import (
    ConsentEntry,
    Subscription,
    SubscriptionState,
    Suppression,
    SuppressionReason,
    Topic,
    TopicKind,
)
from segments.subscribers.models import Subscriber

TONES = {
    _("Subscribed"): "good",
    _("Paused"): "info",
    _("Bounced"): "bad",
    _("Marked as spam"): "bad",
}
# What bars every mail, in the one word a table has room for.
BARS = {
    SuppressionReason.UNSUBSCRIBED: _("Unsubscribed"),
    SuppressionReason.COMPLAINED: _("Marked as spam"),
    SuppressionReason.BOUNCED: _("Bounced"),
    SuppressionReason.MANUAL: _("Barred"),
    SuppressionReason.ERASED: _("Erased"),
}
PROOFS_READ = 200


def column() -> ListColumn:
    """One word for whether a person gets marketing mail."""
    return ListColumn(
        "state",
        "subscribers",
        _("State"),
        values=states,
        show=lambda word, _row: state(word, TONES.get(word, "")),
        later=False,
        order=10,
    )


def states(people: Sequence[Subscriber]) -> dict[int, str]:
    """The state of each person, by primary key, in two queries: what bars every mail goes first."""
    now = clock.now()
    barred = dict(
        Suppression.objects.in_force(now)
        .filter(topic__isnull=True, address_key__in=[person.address_key for person in people])
        .values_list("address_key", "reason")
    )
    followed: dict[int, set[str]] = {}
    for row in Subscription.objects.filter(subscriber__in=people, topic__kind=TopicKind.MARKETING):
        paused = row.state == SubscriptionState.SUBSCRIBED and row.paused_until is not None and row.paused_until > now
        followed.setdefault(row.subscriber_id, set()).add("paused" if paused else row.state)
    return {person.pk: _word(barred.get(person.address_key), followed.get(person.pk, set())) for person in people}


def _word(barred: str | None, followed: set[str]) -> str:
    if barred:
        return str(BARS[SuppressionReason(barred)])
    for value, word in (
        (SubscriptionState.SUBSCRIBED, _("Subscribed")),
        ("paused", _("Paused")),
        (SubscriptionState.PENDING, _("Unconfirmed")),
        (SubscriptionState.UNSUBSCRIBED, _("Unsubscribed")),
    ):
        if value in followed:
            return str(word)
    return str(_("No topic"))


def topic_filter() -> ListFilter:
    """People by what they said to a topic."""
    return ListFilter("topic", "subscribers", _("Topic"), choices=_topics, narrow=_of_topic, order=10)


def _topics() -> list[tuple[str, Any]]:
    return [
        (f"{topic.key}:{value}", f"{topic.name}: {label}")
        for topic in Topic.objects.all()
        for value, label in SubscriptionState.choices
    ]


def _of_topic(people: QuerySet[Subscriber], value: str) -> QuerySet[Subscriber]:
    key, _colon, wanted = value.rpartition(":")
    said = Subscription.objects.filter(subscriber=OuterRef("pk"), topic__key=key, state=wanted)
    return people.filter(Exists(said))


def views() -> list[ListView]:
    """Who may get marketing mail, and who may not at all."""
    return [
        ListView("mailable", "subscribers", _("May get mail"), _mailable, order=10),
        ListView("barred", "subscribers", _("Cannot be mailed"), lambda people: people.filter(_barred()), order=20),
    ]


def _barred() -> Exists:
    return Exists(
        Suppression.objects.in_force(clock.now()).filter(topic__isnull=True, address_key=OuterRef("address_key"))
    )


def _mailable(people: QuerySet[Subscriber]) -> QuerySet[Subscriber]:
    following = Subscription.objects.in_force(clock.now()).filter(
        subscriber=OuterRef("pk"), topic__kind=TopicKind.MARKETING
    )
    return people.filter(Exists(following), ~_barred())


def proof_panel() -> Panel:
    """What a person said about each topic, with its proof as the second line."""
    return Panel("consent", "subscriber.profile", "consent/_proof.html", _proof, order=10)


def _proof(_request: HttpRequest, person: Subscriber) -> dict[str, Any]:
    latest: dict[int | None, ConsentEntry] = {}
    for entry in ConsentEntry.objects.filter(subscriber=person).order_by("-at", "-pk")[:PROOFS_READ]:
        latest.setdefault(entry.topic_id, entry)
    rows = Subscription.objects.filter(subscriber=person).select_related("topic").order_by("topic__name")
    bar = Suppression.objects.in_force(clock.now()).filter(topic__isnull=True, address_key=person.address_key).first()
    return {"topics": [(row, latest.get(row.topic_id)) for row in rows], "bar": bar, "tracking": person.tracking}
