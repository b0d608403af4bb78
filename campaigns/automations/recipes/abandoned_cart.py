"""Abandoned cart: reminds of what is in it and can still be had, and stops at once when they order."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.automations.recipes import counting, writing
from campaigns.automations.recipes.recipe import Mail, Recipe
from campaigns.automations.recipes.writing import NAME, TOPIC
from segments.commerce.models import Cart

_DAYTIME = {"from": "08:00", "to": "21:00"}


def _mails(shop: str) -> list[Mail]:
    return [
        _mail(
            "reminder",
            _("Abandoned cart 1: Still here"),
            _("Your basket is still here%(name)s") % {"name": NAME},
            _("{{ trigger.product.title }}{% if trigger.count > 1 %} and more{% endif %}: kept for you."),
            _("Your basket is still here%(name)s.") % {"name": NAME},
            _("You left these here. We kept them for you, at today’s prices."),
        ),
        _mail(
            "second",
            _("Abandoned cart 2: Any questions?"),
            _("Still thinking it over%(name)s?") % {"name": NAME},
            _("What you chose is still on the shelf."),
            _("Still thinking it over?"),
            _("What you chose is still on the shelf. If something is unclear, reply to this mail and one of us helps."),
        ),
        _mail(
            "last",
            _("Abandoned cart 3: A last word"),
            _("A last word about your basket"),
            _("After this we say no more about it."),
            _("A last word about your basket"),
            _("This is the last time we remind you of it. What can still be had is here."),
        ),
    ]


def _mail(step: str, name: str, subject: str, preheader: str, heading: str, text: str) -> Mail:
    blocks: list[dict[str, Any]] = [
        *writing.opening(heading, text),
        writing.cart(
            label=_("Finish your order"),
            note=_("Changed your mind? Empty the basket, and we stop reminding you."),
        ),
        writing.picked(_("You may also like"), limit=2),
        writing.footer(
            _("You get this because you left something in your basket and follow %(topic)s.") % {"topic": TOPIC}
        ),
    ]
    return Mail(step, name, subject, preheader, blocks)


def _needs() -> str:
    return "" if Cart.objects.filter(subscriber__isnull=False).exists() else _("No carts are coming in")


RECIPE = Recipe(
    key="abandoned_cart",
    name=gettext_lazy("Abandoned cart"),
    description=gettext_lazy("Reminds with what is in the cart and still in stock. Stops at once when they order."),
    group="sell",
    icon="shopping_cart",
    definition={
        "v": 1,
        "trigger": {
            "on": "event",
            "event": ["cart_updated", "checkout_started"],
            "where": [{"field": "lines", "op": ">=", "value": 1}],
        },
        "entry": {
            "again": "once_per_key",
            "cooldown": [7, "days"],
            "cooldown_from": "last_message",
            "no_order_since": [15, "minutes"],
        },
        "exits": [
            {"event": "order_placed", "reason": "ordered", "about": "any"},
            {"event": "cart_emptied", "reason": "emptied", "about": "same"},
        ],
        "one_at_a_time": True,
        "guarded": True,
        "steps": [
            {
                "id": "two-hours",
                "type": "wait",
                "for": [2, "hours"],
                "since": "activity",
                "most": [24, "hours"],
                "next": "reminder",
            },
            {"id": "reminder", "type": "mail", "window": _DAYTIME, "next": "next-day"},
            {"id": "next-day", "type": "wait", "for": [22, "hours"], "next": "second"},
            {"id": "second", "type": "mail", "window": _DAYTIME, "next": "two-days"},
            {"id": "two-days", "type": "wait", "for": [2, "days"], "next": "last"},
            {"id": "last", "type": "mail", "window": _DAYTIME},
        ],
    },
    mails=_mails,
    reach=counting.carts,
    needs=_needs,
    priority=80,
)
