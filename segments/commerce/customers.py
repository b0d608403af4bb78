"""Which stored person a shop means by an id of its own or an address, and storing those it tells us of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

from django.db.models import Q

from personalize.core import clock
from personalize.core.addresses import BadAddress, address_key, normalise
from segments.consent.models import SubscriptionState, Suppression, Topic
from segments.consent.services import subscribe
from segments.consent.standing import LEAVING
from segments.subscribers.models import ExternalId, Subscriber
from segments.subscribers.services import upsert_subscribers
from segments.subscribers.types import Refusal, SubscriberRow

# What a row says of its customer: the id in the shop, and the address; either may be empty.
Customer = tuple[str, str]


class Named(Protocol):
    """A row that names its customer."""

    @property
    def customer_id(self) -> str: ...
    @property
    def email(self) -> str: ...


def customer(row: Named) -> Customer:
    """What the row says of its customer."""
    return row.customer_id, row.email


def known(rows: Iterable[Named], source: str) -> dict[Customer, int]:
    """The ids of known, present people; the shop's id decides where both are given. ``source`` is whose ids they are."""
    named = {customer(row) for row in rows}
    present = Subscriber.objects.present()
    by_id = dict(
        ExternalId.objects.filter(
            source=source, value__in={id for id, _email in named if id}, subscriber__in=present
        ).values_list("value", "subscriber_id")
    )
    keys = {email: key for _id, email in named if email and (key := key_of(email))}
    by_key = dict(present.filter(address_key__in=keys.values()).values_list("address_key", "pk"))
    found = {(id, email): by_id.get(id) or by_key.get(keys.get(email, "")) for id, email in named}
    return {one: person for one, person in found.items() if person is not None}


def store(given: SubscriberRow, source: str) -> Subscriber | Refusal | None:
    """Create or change the person; None when they were erased.

    The shop's id decides: under an id we know, another address is that of one order, not another person.
    """
    if given.external_id:
        links = ExternalId.objects.filter(source=source, value=given.external_id, subscriber__erased_at=None)
        known = links.values_list("subscriber__email", flat=True).first()
        given = replace(given, email=known) if known else given
    result = upsert_subscribers(rows=[given], source=source)
    if result.refused:
        return result.refused[0].refusal
    return Subscriber.objects.filter(pk__in=[pk for pk in result.ids if pk is not None]).first()


def join(person: Subscriber, *, topic: str, basis: str, source: str) -> None:
    """Join who said yes in the shop to a topic, on the declared basis, which is kept as proof.

    Never who left it or everything, and never who is barred: the tick of an old order stays in the shop for ever.
    """
    found = Topic.objects.filter(key=topic).first()
    if found is None or not basis:
        return
    barred = Suppression.objects.in_force(clock.now()).concerning(found.pk).filter(address_key=person.address_key)
    declined = person.subscriptions.filter(topic=found, state=SubscriptionState.UNSUBSCRIBED)
    said = person.consent_entries.filter(Q(topic=found) | Q(topic=None), action__in=LEAVING)
    followed = person.subscriptions.filter(topic=found, state=SubscriptionState.SUBSCRIBED)
    if not (barred.exists() or declined.exists() or said.exists() or followed.exists()):
        subscribe(subscriber=person, topic=found, source=source[:80], basis=basis[:80])


def key_of(address: str) -> str:
    """The address key of a text, empty when it is no address."""
    try:
        return address_key(normalise(address))
    except BadAddress:
        return ""  # Nobody is known by what is not an address.
