"""Post-purchase: a word of thanks when the parcel is there or on its way, and what goes with it."""

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
            "thanks",
            _("After the order"),
            _("Thank you for your order%(name)s") % {"name": NAME},
            _("How it looks at home, and what goes with it."),
            [
                *writing.opening(
                    _("Thank you%(name)s.") % {"name": NAME},
                    _("We hope that it arrived well. If anything is not right, reply to this mail and we mend it."),
                ),
                writing.order(_("What you chose")),
                writing.picked(_("Goes well with it"), note=_("Chosen by others together with what you have.")),
                writing.footer(_("You get this because you ordered from us and follow %(topic)s.") % {"topic": TOPIC}),
            ],
        )
    ]


def _needs() -> str:
    told = Event.objects.filter(name__in=("order_paid", "order_fulfilled")).exists()
    return "" if told else _("No payments and no parcels are coming in")


RECIPE = Recipe(
    key="post_purchase",
    name=gettext_lazy("After the order"),
    description=gettext_lazy("Thanks, three days after the parcel went out, then what others chose with it."),
    group="after",
    icon="receipt_long",
    definition={
        "v": 1,
        # Some shops never say that an order was paid: then the parcel is the first word of it.
        "trigger": {"on": "event", "event": ["order_paid", "order_fulfilled"], "late": [1, "days"]},
        "exits": [{"event": ["order_cancelled", "order_refunded"], "reason": "taken_back", "about": "same"}],
        "steps": [
            {
                "id": "sent-already",
                "type": "branch",
                "rule": {"v": 1, "trigger": "event", "op": "is", "value": "order_fulfilled"},
                "next": "three-days",
                "no": "parcel",
            },
            {
                "id": "parcel",
                "type": "wait_for",
                "event": "order_fulfilled",
                "about": "same",
                "most": [10, "days"],
                "next": "three-days",
                "late": "three-days",
            },
            {"id": "three-days", "type": "wait", "for": [3, "days"], "next": "thanks"},
            {"id": "thanks", "type": "mail", "window": {"from": "08:00", "to": "21:00"}},
        ],
    },
    mails=_mails,
    reach=counting.orders,
    needs=_needs,
    priority=60,
)
