"""Birthday: a mail in the morning of the day, where the person lives."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.automations.recipes import counting, writing
from campaigns.automations.recipes.recipe import Mail, Recipe
from campaigns.automations.recipes.writing import NAME, TOPIC
from segments.subscribers.models import Subscriber


def _mails(shop: str) -> list[Mail]:
    return [
        Mail(
            "wishes",
            _("Birthday"),
            _("Happy birthday%(name)s") % {"name": NAME},
            _("With the best wishes of all of us."),
            [
                *writing.opening(
                    _("Happy birthday%(name)s.") % {"name": NAME},
                    _("All of us at {{ brand.name }} wish you a good year, and a day with the people you love."),
                ),
                writing.picked(_("Something for the table, or for yourself")),
                *writing.button(_("Choose something"), shop),
                writing.footer(
                    _("You get this because you told us your birthday and follow %(topic)s.") % {"topic": TOPIC}
                ),
            ],
        )
    ]


def _needs() -> str:
    known = Subscriber.objects.present().filter(birth_month__isnull=False).exists()
    return "" if known else _("No birthdays are known")


RECIPE = Recipe(
    key="birthday",
    name=gettext_lazy("Birthday"),
    description=gettext_lazy("On the day, in their time zone. 29 February is 28 February in other years."),
    group="dates",
    icon="cake",
    definition={
        "v": 1,
        "trigger": {"on": "date", "field": "birthday", "every": "year", "at": "09:00", "feb29": "feb28"},
        "steps": [{"id": "wishes", "type": "mail", "late": [12, "hours"]}],
    },
    mails=_mails,
    reach=counting.birthdays,
    needs=_needs,
    priority=60,
)
