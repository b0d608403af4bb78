"""Welcome: three mails from the first yes to the first order."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.automations.recipes import counting, writing
from campaigns.automations.recipes.recipe import Mail, Recipe
from campaigns.automations.recipes.writing import NAME, TOPIC


def _mails(shop: str) -> list[Mail]:
    return [
        Mail(
            "hello",
            _("Welcome 1: Hello"),
            _("Welcome to {{ brand.name }}%(name)s") % {"name": NAME},
            _("What you will hear from us, and how often."),
            [
                *writing.opening(
                    _("Welcome in%(name)s.") % {"name": NAME},
                    _(
                        "Thank you for joining %(topic)s. You will hear from us"
                        ' {{ topic.frequency | default("now and then") }}, and only about what you asked for.'
                    )
                    % {"topic": TOPIC},
                    tone="paper",
                ),
                *writing.button(_("Take a look around"), shop),
                writing.picked(_("Where most people begin"), recipe="popular", limit=4),
                writing.footer(_("You get this because you joined %(topic)s.") % {"topic": TOPIC}),
            ],
        ),
        Mail(
            "favourites",
            _("Welcome 2: What others love"),
            _("What others love{{ subscriber.first_name | prefixed(', ') }}"),
            _("The things that leave our shelves most often."),
            [
                *writing.opening(
                    _("What others love"), _("If you would rather start with what has proved itself, start here.")
                ),
                writing.picked(_("Chosen most often"), recipe="popular"),
                *writing.button(_("See everything"), shop),
                writing.footer(),
            ],
        ),
        Mail(
            "question",
            _("Welcome 3: A question"),
            _("Are you looking for something%(name)s?") % {"name": NAME},
            _("Reply to this mail, and one of us reads it."),
            [
                *writing.opening(
                    _("Can we help you choose?"),
                    _("Reply to this mail and tell us what you are looking for. One of us reads it and answers."),
                ),
                writing.picked(_("Perhaps one of these"), limit=2),
                writing.footer(),
            ],
        ),
    ]


RECIPE = Recipe(
    key="welcome",
    name=gettext_lazy("Welcome"),
    description=gettext_lazy("Three mails from the first yes to the first order. Stops when they buy."),
    group="sell",
    icon="person_add",
    definition={
        "v": 1,
        "trigger": {"on": "subscribed"},
        # Who joined while ordering has still not been welcomed: only what they order from now on ends it.
        "exits": [{"event": "order_placed", "reason": "ordered", "back": [0, "minutes"]}],
        "steps": [
            {"id": "hello", "type": "mail", "next": "two-days"},
            {"id": "two-days", "type": "wait", "for": [2, "days"], "next": "favourites"},
            {"id": "favourites", "type": "mail", "next": "three-days"},
            {"id": "three-days", "type": "wait", "for": [3, "days"], "next": "question"},
            {"id": "question", "type": "mail"},
        ],
    },
    mails=_mails,
    reach=counting.joinings,
    priority=70,
)
