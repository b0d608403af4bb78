"""Win back: two mails to customers who have been quiet for long."""

from __future__ import annotations

from functools import partial

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.automations.recipes import counting, writing
from campaigns.automations.recipes.recipe import Mail, Recipe
from campaigns.automations.recipes.writing import NAME
from segments.commerce.models import Order

QUIET_DAYS = 90


def _mails(shop: str) -> list[Mail]:
    return [
        Mail(
            "missed",
            _("Win back 1: It has been a while"),
            _("It has been a while%(name)s") % {"name": NAME},
            _("What is new since you were here."),
            [
                *writing.opening(
                    _("It has been a while%(name)s.") % {"name": NAME},
                    _("A few things have come onto the shelves since you were here. These go with what you have."),
                ),
                writing.picked(_("Picked for you")),
                *writing.button(_("See what is new"), shop),
                writing.footer(),
            ],
        ),
        Mail(
            "last",
            _("Win back 2: May we go on writing?"),
            _("May we go on writing%(name)s?") % {"name": NAME},
            _("You decide how much you hear from us."),
            [
                *writing.opening(
                    _("May we go on writing?"),
                    _("You have not ordered for some time. Below you can choose what you get, or nothing at all."),
                ),
                writing.picked(_("Loved by others just now"), recipe="popular"),
                *writing.button(_("Have a look around"), shop),
                writing.footer(),
            ],
        ),
    ]


def _needs() -> str:
    return "" if Order.objects.filter(subscriber__isnull=False).exists() else _("No orders are coming in")


RECIPE = Recipe(
    key="win_back",
    name=gettext_lazy("Win back"),
    description=gettext_lazy("Two mails to customers who have not ordered for three months. Stops when they do."),
    group="quiet",
    icon="hourglass_empty",
    definition={
        "v": 1,
        "trigger": {"on": "quiet", "what": "orders", "after": [QUIET_DAYS, "days"]},
        "exits": [{"event": "order_placed", "reason": "ordered"}],
        "steps": [
            {"id": "missed", "type": "mail", "window": {"from": "08:00", "to": "21:00"}, "next": "ten-days"},
            {"id": "ten-days", "type": "wait", "for": [10, "days"], "next": "last"},
            {"id": "last", "type": "mail", "window": {"from": "08:00", "to": "21:00"}},
        ],
    },
    mails=_mails,
    reach=partial(counting.fallen_quiet, after=QUIET_DAYS),
    needs=_needs,
    priority=30,
)
