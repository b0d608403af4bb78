"""All recipes, and the one verb: to make an automation of one."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from django.db import models, transaction
from django.utils.translation import override

from campaigns.automations import services
from campaigns.automations.models import Automation
from campaigns.automations.recipes import (
    abandoned_cart,
    anniversary,
    birthday,
    browse_abandonment,
    post_purchase,
    review_request,
    welcome,
    win_back,
)
from campaigns.automations.recipes.recipe import Recipe
from campaigns.delivery.models import Sender
from personalize.accounts.models import Brand
from personalize.content.models import Template
from personalize.content.services import create_template
from segments.consent.models import Topic

RECIPES: Mapping[str, Recipe] = {
    module.RECIPE.key: module.RECIPE
    for module in (
        welcome,
        abandoned_cart,
        browse_abandonment,
        post_purchase,
        review_request,
        birthday,
        anniversary,
        win_back,
    )
}
"""By key, in the order in which the gallery shows them."""


@transaction.atomic
def use_recipe(*, key: str, topic: Topic, sender: Sender, actor: Any) -> Automation:
    """Make a draft of a recipe, with templates of its own in the brand's language; nothing is sent before it is published.

    Used again it makes another one, under another name. Raises KeyError when there is no such recipe.
    """
    recipe = RECIPES[key]
    brand = Brand.objects.get()
    with override(brand.language):
        templates = {
            mail.step: create_template(
                name=_free(Template, mail.name),
                subject=mail.subject,
                preheader=mail.preheader,
                blocks=mail.blocks,
                actor=actor,
            )
            for mail in recipe.mails(brand.website)
        }
        return services.create_automation(
            name=_free(Automation, str(recipe.name)),
            description=str(recipe.description),
            recipe=key,
            definition=_filled(recipe.definition, topic, templates),
            topic=topic,
            sender=sender,
            priority=recipe.priority,
            actor=actor,
        )


def _filled(definition: Mapping[str, Any], topic: Topic, templates: Mapping[str, Template]) -> dict[str, Any]:
    """The definition with the templates its mail steps send, and the topic whose joining it waits for."""
    filled = copy.deepcopy(dict(definition))
    if filled["trigger"]["on"] == "subscribed":
        filled["trigger"]["topic"] = topic.key
    for step in filled["steps"]:
        if step["type"] == "mail":
            step["template"] = str(templates[step["id"]].uuid)
    return filled


def _free(model: type[models.Model], name: str) -> str:
    """The name, or the first of ``name 2``, ``name 3`` and so on that nobody has."""
    taken = set(model._default_manager.filter(name__startswith=name).values_list("name", flat=True))
    number = 2
    free = name
    while free in taken:
        free = f"{name} {number}"
        number += 1
    return free
