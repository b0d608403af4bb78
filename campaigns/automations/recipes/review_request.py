"""Review request: when it has arrived and been used, one mail for the whole order."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.automations.recipes import counting, writing
from campaigns.automations.recipes.recipe import Mail, Recipe
from campaigns.automations.recipes.writing import NAME, TOPIC
from segments.events.models import Event


def _mails(shop: str) -> list[Mail]:
    return [
        Mail(
            "question",
            _("Ask for a review"),
            _("How do you like it%(name)s?") % {"name": NAME},
            _("A line or two helps others to choose."),
            [
                *writing.opening(
                    _("How do you like it?"),
                    _(
                        "You have had it for a few days now. A line or two from you helps others to choose:"
                        " just reply to this mail."
                    ),
                ),
                writing.order(_("What you chose")),
                writing.footer(_("You get this because you ordered from us and follow %(topic)s.") % {"topic": TOPIC}),
            ],
        )
    ]


def _needs() -> str:
    told = Event.objects.filter(name="order_delivered").exists()
    return "" if told else _("No delivery dates are coming in")


RECIPE = Recipe(
    key="review_request",
    name=gettext_lazy("Ask for a review"),
    description=gettext_lazy("After it arrived, one mail for the whole order. Skips what was sent back."),
    group="after",
    icon="local_shipping",
    definition={
        "v": 1,
        "trigger": {"on": "order", "status": "delivered", "late": [1, "days"]},
        "exits": [{"event": ["order_cancelled", "order_refunded"], "reason": "taken_back", "about": "same"}],
        "steps": [
            {"id": "nine-days", "type": "wait", "for": [9, "days"], "next": "question"},
            {"id": "question", "type": "mail", "window": {"from": "08:00", "to": "21:00"}},
        ],
    },
    mails=_mails,
    reach=counting.deliveries,
    needs=_needs,
    priority=45,
)
