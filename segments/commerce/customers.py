"""Which stored person a shop means by an id of its own or an address."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from personalize.core.addresses import BadAddress, address_key, normalise
from segments.subscribers.models import ExternalId, Subscriber

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
    keys = {email: key for _id, email in named if email and (key := _key(email))}
    by_key = dict(present.filter(address_key__in=keys.values()).values_list("address_key", "pk"))
    found = {(id, email): by_id.get(id) or by_key.get(keys.get(email, "")) for id, email in named}
    return {one: person for one, person in found.items() if person is not None}


def _key(address: str) -> str:
    try:
        return address_key(normalise(address))
    except BadAddress:
        return ""  # Nobody is known by what is not an address.
