"""Anniversary: a year since the first order, and every year after."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.automations.recipes import counting, writing
from campaigns.automations.recipes.recipe import Mail, Recipe
from campaigns.automations.recipes.writing import NAME
from segments.commerce.models import Order


def _mails(shop: str) -> list[Mail]:
    return [
        Mail(
            "thanks",
            _("A year with you"),
            _("It began today%(name)s") % {"name": NAME},
            _("Your first order was on a day like this."),
            [
                *writing.opening(
                    _(
                        "{% if trigger.years > 1 %}{{ trigger.years }} years with you{% else %}A year with you{% endif %}"
                        "%(name)s."
                    ).replace("%(name)s", NAME),
                    _("On this day you ordered from us for the first time. Thank you for coming back."),
                ),
                writing.picked(_("Goes with what you have"), note=_("From what you chose before.")),
                *writing.button(_("See what is new"), shop),
                writing.footer(),
            ],
        )
    ]


def _needs() -> str:
    return "" if Order.objects.filter(subscriber__isnull=False).exists() else _("No orders are coming in")


RECIPE = Recipe(
    key="anniversary",
    name=gettext_lazy("A year with you"),
    description=gettext_lazy("On the day of their first order, every year, with what goes with it."),
    group="dates",
    icon="celebration",
    definition={
        "v": 1,
        "trigger": {"on": "date", "field": "first_order", "every": "year", "at": "09:00", "feb29": "feb28"},
        "steps": [{"id": "thanks", "type": "mail", "late": [12, "hours"]}],
    },
    mails=_mails,
    reach=counting.first_orders,
    needs=_needs,
    priority=55,
)
