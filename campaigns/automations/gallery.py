"""Recipes as cards: each draws its own sequence, says whom it would reach, and what it lacks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.automations import words
from campaigns.automations.models import Automation
from campaigns.automations.outline import Outline
from campaigns.automations.recipes.catalogue import RECIPES, use_recipe
from campaigns.automations.recipes.recipe import GROUPS, Recipe
from campaigns.automations.types import AutomationState
from campaigns.delivery.models import Sender
from segments.consent.models import Topic, TopicKind

MOST_STEPS = 6


@dataclass(frozen=True)
class Part:
    """One part of the sequence on a card: a ``mail``, a ``wait`` with its length, or another step with its ``icon``."""

    kind: str
    icon: str = ""
    label: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Card:
    """A recipe in the gallery. ``needs`` says what it lacks; ``live`` is an automation made from it that runs."""

    key: str
    name: str
    description: str
    icon: str
    parts: tuple[Part, ...]
    reach: str
    needs: str
    live: Automation | None


@dataclass(frozen=True)
class Shown:
    """The gallery as it was asked for: the tabs with their counts, the cards by heading, how many automations are live."""

    tabs: tuple[tuple[str, Any, int], ...]
    groups: tuple[tuple[Any, tuple[Card, ...]], ...]
    live: int


def shown(*, at: dt.datetime, asked: str = "", group: str = "") -> Shown:
    """The cards whose recipe has the words in its name or description, of one group or of all."""
    running = Automation.objects.filter(state=AutomationState.LIVE)
    live = {one.recipe: one for one in running if one.recipe}
    asked = asked.casefold()
    found = [one for one in RECIPES.values() if asked in f"{one.name} {one.description}".casefold()]
    tabs = [("", _("All"), len(found))]
    tabs += [(key, label, sum(one.group == key for one in found)) for key, label in GROUPS.items()]
    wanted = [key for key in GROUPS if group in ("", key)]
    groups = (
        (GROUPS[key], tuple(_card(one, live.get(one.key), at) for one in found if one.group == key)) for key in wanted
    )
    return Shown(tuple(tabs), tuple((label, cards) for label, cards in groups if cards), running.count())


def use(*, key: str, actor: Any) -> Automation | str:
    """A draft made from a recipe with the first topic and sender there are; or what is in the way, in words."""
    if key not in RECIPES:
        return _("There is no such recipe.")
    topic = Topic.objects.filter(kind=TopicKind.MARKETING).order_by("pk").first()
    sender = Sender.objects.order_by("pk").first()
    if topic is None:
        return _("Make a topic first: its mails go only to people who follow one.")
    if sender is None:
        return _("Make a sender first: its mails must come from somebody.")
    return use_recipe(key=key, topic=topic, sender=sender, actor=actor)


def _card(recipe: Recipe, live: Automation | None, at: dt.datetime) -> Card:
    needs = recipe.needs()
    people = recipe.reach(at)
    reach = ngettext("About %(n)d person a day", "About %(n)d people a day", people) % {"n": people}
    if not people:
        reach = _("Nobody in the last 90 days")
    return Card(
        recipe.key,
        str(recipe.name),
        str(recipe.description),
        recipe.icon,
        tuple(parts(recipe.definition)),
        str(needs) if needs else reach,
        str(needs),
        live,
    )


def parts(definition: Mapping[str, Any]) -> list[Part]:
    """The sequence of a definition along its first ways."""
    outline = Outline.of(definition)
    found: list[Part] = []
    at = outline.first
    while at and len(found) < MOST_STEPS:
        item = outline.items[at]
        if item.type == "mail":
            found.append(Part("mail"))
        elif item.type in ("wait", "wait_for"):
            found.append(Part("wait", label=words.short(item.body.get("for") or item.body.get("most"))))
        else:
            found.append(Part("step", words.ICONS.get(item.type, "help"), tone=words.TONES.get(item.type, "")))
        at = next(iter(item.outlets.values()), "")
    return found
