"""What a recipe is made of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

GROUPS: Mapping[str, Any] = {
    "sell": _("Towards an order"),
    "after": _("After the order"),
    "dates": _("On their day"),
    "quiet": _("When it gets quiet"),
}
"""Under which heading recipes stand, in order."""


@dataclass(frozen=True)
class Mail:
    """A mail of a recipe, in the language that is active. ``step`` is the id of the step that sends it."""

    step: str
    name: str
    subject: str
    preheader: str
    blocks: list[dict[str, Any]]


@dataclass(frozen=True)
class Recipe:
    """An automation that only needs a topic and a sender.

    ``definition`` is an automation's JSON, except that its mail steps name no template yet. ``mails(shop)`` gives the
    mails, with ``shop`` the address of the shop's site, "" for none. ``reach(at)`` says how many people it would have
    concerned a day over the last 90 days, by one query; ``needs()`` what it lacks to work, in words, "" when nothing.
    """

    key: str
    name: Any
    description: Any
    group: str
    icon: str
    definition: Mapping[str, Any]
    mails: Callable[[str], list[Mail]]
    reach: Callable[[dt.datetime], int]
    needs: Callable[[], str] = lambda: ""
    priority: int = 50
