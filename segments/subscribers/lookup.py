"""Finding people by what another system calls them: our id, its own id for them, or their address."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from personalize.core.addresses import BadAddress, address_key, normalise
from segments.subscribers.models import ExternalId, Subscriber

CONTROL = re.compile(r"[\x00-\x1f\x7f]")
"""Characters that no name has and that a database may refuse."""


@dataclass(frozen=True)
class Reference:
    """How somebody is named. Where several are given our id decides, then the other system's, then the address."""

    id: uuid.UUID | None = None
    external_id: str = ""
    email: str = ""

    def __bool__(self) -> bool:
        return bool(self.id or self.external_id or self.email)


@dataclass(frozen=True)
class Found:
    """The id of each person in order, None for those nobody knows; ``foreign``: the id given is one of another source."""

    ids: Sequence[int | None]
    foreign: Sequence[bool]


def reference(who: str) -> Reference | None:
    """The person that a part of an address names; None when it names nobody."""
    if CONTROL.search(who):
        return None
    kind, colon, name = who.partition(":")
    if colon and name:
        if kind == "external":
            return Reference(external_id=name)
        return Reference(email=name) if kind == "email" else None
    try:
        return Reference(id=uuid.UUID(who))
    except ValueError:
        return None


def find_people(*, references: Sequence[Reference], source: str) -> Found:
    """Look people up as ``source`` names them; the erased are unknown. The number of queries is fixed."""
    present = Subscriber.objects.present()
    by_id: dict[uuid.UUID, int] = {}
    by_external: dict[str, int] = {}
    by_key: dict[str, int] = {}
    if wanted := {reference.id for reference in references if reference.id}:
        by_id = dict(present.filter(uuid__in=wanted).values_list("uuid", "pk"))
    if named := {reference.external_id for reference in references if reference.external_id}:
        links = ExternalId.objects.filter(source=source, value__in=named, subscriber__in=present)
        by_external = dict(links.values_list("value", "subscriber_id"))
    keys = {reference.email: key_of(reference.email) for reference in references if reference.email}
    if keys:
        by_key = dict(present.filter(address_key__in=keys.values()).values_list("address_key", "pk"))
    ids = [
        (by_id.get(reference.id) if reference.id else None)
        or by_external.get(reference.external_id)
        or by_key.get(keys.get(reference.email, ""))
        for reference in references
    ]
    strangers = {
        reference.external_id
        for reference, person in zip(references, ids, strict=True)
        if person is None and reference.external_id
    }
    elsewhere = (
        set(ExternalId.objects.filter(value__in=strangers).exclude(source=source).values_list("value", flat=True))
        if strangers
        else set()
    )
    return Found(
        ids,
        [
            person is None and reference.external_id in elsewhere
            for reference, person in zip(references, ids, strict=True)
        ],
    )


def key_of(email: str) -> str:
    """The address key by which a person of this address is stored; empty when it is no address.

    Most addresses are in their one spelling but for case, and then need no parsing: what is no address finds nobody.
    """
    if email.isascii():
        return address_key(email.strip().casefold())
    try:
        return address_key(normalise(email))
    except BadAddress:
        return ""
