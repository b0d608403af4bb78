"""Stored link targets of a mailing, and the addresses that stand for them in one person's mail."""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, lru_cache

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from campaigns.delivery.models import Link, Mailing
from personalize.core.tokens import Purpose, seal

MOST_LINKS = 65_535
"""A token has two bytes for the number of a link; targets beyond it stay untracked."""


@dataclass(frozen=True)
class Target:
    """Where a link of one block leads."""

    block: str
    url: str
    label: str = ""
    product_code: str = ""

    @property
    def key(self) -> str:
        return hashlib.sha256(f"{self.block}\n{self.url}".encode()).hexdigest()


class LinkBook:
    """The numbers of a mailing's links, read once and added to when a batch brings new targets."""

    def __init__(self, mailing: Mailing) -> None:
        self._mailing = mailing
        self._numbers = dict(mailing.links.values_list("key", "number"))

    def numbers(self, targets: Iterable[Target]) -> dict[Target, int]:
        """The number of each target, stored before it is given out; targets beyond the limit are left out."""
        wanted = set(targets)
        if any(target.key not in self._numbers for target in wanted):
            self._add(wanted)
        return {target: self._numbers[target.key] for target in wanted if target.key in self._numbers}

    def _add(self, targets: set[Target]) -> None:
        with transaction.atomic():
            # One writer at a time a mailing, so that two senders never give two targets the same number.
            Mailing.objects.select_for_update().get(pk=self._mailing.pk)
            self._numbers = dict(self._mailing.links.values_list("key", "number"))
            number = max(self._numbers.values(), default=0)
            new: list[Link] = []
            for target in sorted(targets, key=lambda target: target.key):
                if target.key in self._numbers or number >= MOST_LINKS:
                    continue
                number += 1
                new.append(
                    Link(
                        mailing=self._mailing,
                        number=number,
                        key=target.key,
                        url=target.url,
                        label=target.label[:200],
                        block=target.block,
                        product_code=target.product_code,
                    )
                )
            Link.objects.bulk_create(new)
            self._numbers.update((link.key, link.number) for link in new)


_NAMED = {
    "open": Purpose.OPEN,
    "unsubscribe": Purpose.UNSUBSCRIBE,
    "view": Purpose.VIEW,
    "preferences": Purpose.PREFERENCES,
}
_CONSENT = (Purpose.PREFERENCES,)
"""Pages about the person, not about one mail; everything else is read by tracking."""


def address(name: str, id: uuid.UUID, issued_at: dt.datetime) -> str:
    """The full address behind a link of one person's mail: ``open``, ``unsubscribe``, ``view``, ``preferences``, or a
    link's number. ``id`` is the message's; for ``preferences`` it is the person's.

    A placeholder that names none of these was written by somebody else, in a name perhaps, and leads nowhere.
    """
    if name in _NAMED:
        purpose, link = _NAMED[name], 0
    elif name.isdecimal() and 0 < int(name) <= MOST_LINKS:
        purpose, link = Purpose.CLICK, int(name)
    else:
        return "#"
    return str(settings.BASE_URL) + _path(purpose).replace("TOKEN", seal(purpose, id, issued_at=issued_at, link=link))


@lru_cache
def _path(purpose: Purpose) -> str:
    app = "consent" if purpose in _CONSENT else "tracking"
    return reverse(f"{app}:{purpose.name.lower()}", args=["TOKEN"])


def resolver(message: uuid.UUID, person: uuid.UUID, issued_at: dt.datetime) -> Callable[[str], str]:
    """The function that turns the placeholders of one person's mail into addresses, each made once."""
    return cache(lambda name: address(name, person if name == "preferences" else message, issued_at))
