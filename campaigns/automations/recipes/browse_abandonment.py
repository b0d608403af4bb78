"""Browse abandonment: they looked, and put nothing into a cart. Gives way to a cart."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.automations.recipes import counting, writing
from campaigns.automations.recipes.recipe import Mail, Recipe
from campaigns.automations.recipes.writing import TOPIC
from segments.events.models import Event

_RECENT_BUYERS = {"orders": {"metric": "count", "op": ">=", "value": 1, "window": {"last": [10, "days"]}}}


def _mails(shop: str) -> list[Mail]:
    return [
        Mail(
            "look",
            _("Abandoned browsing"),
            _("Still looking{% if trigger.product.title %} at the {{ trigger.product.title }}{% endif %}?"),
            _("Here it is once more."),
            [
                *writing.opening(_("Did something catch your eye?"), _("You looked at this. Here it is once more.")),
                {
                    "id": "seen",
                    "type": "viewed",
                    "label": _("Have another look"),
                    "left": _("Only {n} left"),
                },
                writing.picked(_("You may also like"), limit=2),
                writing.footer(
                    _("You get this because you looked around our shop and follow %(topic)s.") % {"topic": TOPIC}
                ),
            ],
        )
    ]


def _needs() -> str:
    return "" if Event.objects.filter(name="product_viewed").exists() else _("No visits are coming in")


RECIPE = Recipe(
    key="browse_abandonment",
    name=gettext_lazy("Abandoned browsing"),
    description=gettext_lazy("They looked and put nothing in the cart. Gives way to a cart, and to a recent order."),
    group="sell",
    icon="visibility",
    definition={
        "v": 1,
        "trigger": {"on": "event", "event": "product_viewed"},
        "entry": {
            "rule": {"v": 1, "none": [_RECENT_BUYERS]},
            "again": "once_per_key",
            "cooldown": [7, "days"],
            "cooldown_from": "last_message",
            "gives_way_to": ["abandoned_cart"],
        },
        "exits": [
            {"event": "order_placed", "reason": "ordered"},
            {"event": ["cart_updated", "checkout_started"], "reason": "in_a_cart"},
        ],
        "one_at_a_time": True,
        "steps": [
            {
                "id": "a-day",
                "type": "wait",
                "for": [1, "days"],
                "since": "activity",
                "most": [3, "days"],
                "next": "look",
            },
            {"id": "look", "type": "mail", "window": {"from": "08:00", "to": "21:00"}},
        ],
    },
    mails=_mails,
    reach=counting.visits,
    needs=_needs,
    priority=40,
)
