"""Who a person is when their address changes: what is filed under the address goes along, or stays with the mailbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from personalize.core import audit, clock, hooks, registries
from personalize.core.addresses import BadAddress, address_key, normalise
from segments.subscribers.models import Subscriber
from segments.subscribers.types import Refusal


@dataclass(frozen=True)
class Taken:
    """The address is somebody else's already: if that is the same person, merge the two."""

    by: Subscriber


def change_address(*, subscriber: Subscriber, email: str, actor: Any) -> Subscriber | Refusal | Taken:
    """Give a person another address.

    Waiting mails go to the new one. What the person said holds for it too, such as that they left everything; that the
    old mailbox bounced does not. Nobody can be given the address of somebody who was erased.
    """
    try:
        address = normalise(email)
    except BadAddress as error:
        return Refusal("email", str(error))
    key = address_key(address)
    with transaction.atomic():
        person = Subscriber.objects.select_for_update().get(pk=subscriber.pk)
        if person.erased_at is not None:
            return Refusal("email", _("belonged to a person who was erased"))
        if person.address_key == key:
            return person
        other = Subscriber.objects.filter(address_key=key).first()
        if other is not None:
            return (
                Taken(other) if other.erased_at is None else Refusal("email", _("belonged to a person who was erased"))
            )
        former = person.address_key
        person.email, person.address_key = address, key
        person.updated_at = clock.now()
        person.lock_version += 1
        person.save(update_fields=["email", "address_key", "updated_at", "lock_version"])
        take_along(person, former)
        audit.record(actor=actor, action="subscriber.address_changed", target=person)
        hooks.subscriber_changed(subscriber_ids=[person.pk])
    return person


def take_along(person: Subscriber, former: str) -> None:
    """Let everything that is filed under the person's ``former`` address key follow to the one they have now."""
    for entry in registries.personal_data:
        if entry.readdress is not None:
            entry.readdress(person, former)
