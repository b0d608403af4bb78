"""What Maya and Priya have set up for their shop: topics, attributes, segments and the newsletter of the season."""

from __future__ import annotations

from typing import Any

from personalize.demo.catalogue import CATEGORIES
from personalize.demo.people import BASKET, NEWS, WORKSHOPS

SHOP_NAME = "Alder & Wren"
WEBSITE = "https://alderandwren.example"
POSTAL_ADDRESS = "Alder & Wren Ltd, 14 Orchard Mews, Bristol BS1 4ND, United Kingdom"
PASSWORD = "candlelight-at-five"  # noqa: S105  The demo prints it; it opens nothing but the demo.
OWNER = ("maya@alderandwren.example", "Maya", "Okafor", "owner")
USERS = (
    OWNER,
    ("priya@alderandwren.example", "Priya", "Nair", "marketer"),
    ("alan@alderandwren.example", "Alan", "Whitlock", "analyst"),
)
SENDER = ("Alder & Wren", "hello@news.alderandwren.example", "hello@alderandwren.example")

# (key, name, description, frequency)
TOPICS = (
    (NEWS, "Winter and gifts", "What is new on the shelves, and what goes with what you have.", "about twice a month"),
    (BASKET, "Basket reminders", "A note when something you chose is still waiting.", "only when you leave something"),
    (WORKSHOPS, "Workshops in Bristol", "Candle dipping, wreath making, glazing.", "once a month"),
)

# What people may set themselves, in the preference centre.
THEIRS = ("interests",)
# (name, description, how many)
LIST = ("Candle evening guests", "Who said yes to the evening of 3 December.", 12)
# A value as the till writes it, which is no tier of ours: it waits in quarantine.
MISFIT = ("member_tier", "platinum", "is not one of the choices")

# (key, label, type, choices)
ATTRIBUTES: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("member_tier", "Member tier", "enum", ("Bronze", "Silver", "Gold")),
    ("loyalty_points", "Loyalty points", "int", ()),
    ("interests", "Interests", "multi", (*CATEGORIES, "Gifts", "Workshops")),
    ("company", "Company", "text", ()),
    ("has_garden", "Has a garden", "bool", ()),
    ("first_visit", "First visit", "date", ()),
)


def _ordered(times: int, *, months: int | None = None, categories: tuple[str, ...] = ()) -> dict[str, Any]:
    rule: dict[str, Any] = {"metric": "count", "op": ">=", "value": times}
    if months:
        rule["window"] = {"last": [months, "months"]}
    if categories:
        rule["where"] = [{"field": "category", "op": "in", "value": list(categories)}]
    return {"orders": rule}


AUDIENCE = "Winter readers and buyers"
# (name, description, rule); rules may name the topics and attributes above.
SEGMENTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        AUDIENCE,
        "Everyone who follows ‘Winter and gifts’ or bought something in the last year.",
        {"v": 1, "any": [{"topic": NEWS, "is": "subscribed"}, _ordered(1, months=12)]},
    ),
    (
        "Bought this winter",
        "Candles, tableware or textiles in the last four months.",
        {"v": 1, "all": [_ordered(1, months=4, categories=("Candles", "Tableware", "Textiles"))]},
    ),
    (
        "Loyal, UK",
        "Three orders or more, at home in the United Kingdom.",
        {"v": 1, "all": [{"attr": "country", "op": "is", "value": "GB"}, _ordered(3)]},
    ),
    (
        "Winter buyers going quiet",
        "Used to buy candles or tableware, and nothing for a month.",
        {
            "v": 1,
            "all": [
                {"attr": "country", "op": "in", "value": ["GB", "IE"]},
                _ordered(2, months=12),
                {
                    "any": [
                        _ordered(1, categories=("Candles", "Tableware")),
                        {"attr": "interests", "op": "contains_any", "value": ["Candles"]},
                    ]
                },
                {"none": [_ordered(1, months=1)]},
            ],
        },
    ),
    (
        "Near the workshop",
        "Bristol and Bath.",
        {"v": 1, "any": [{"attr": "city", "op": "is", "value": city} for city in ("Bristol", "Bath")]},
    ),
)

# (recipe, the topic its mails belong to): all of them are live from the first day.
AUTOMATIONS = (
    ("welcome", NEWS),
    ("abandoned_cart", BASKET),
    ("browse_abandonment", BASKET),
    ("post_purchase", NEWS),
    ("review_request", NEWS),
    ("birthday", NEWS),
    ("anniversary", NEWS),
    ("win_back", NEWS),
)

TEMPLATE = "Longer evenings"
CAMPAIGN = "Winter tables"
# A second one waits as a draft, so that there is something to review and to send by hand.
DRAFT = "Advent calendar"
DRAFT_AUDIENCE = "Bought this winter"
SUBJECT = 'For the longer evenings{{ subscriber.first_name | prefixed(", ") }}'
PREHEADER = "Candlelight, something warm to hold, and a few things picked for you."
REGULAR_ORDERS = 4


def blocks(*, base_url: str) -> list[dict[str, Any]]:
    """The newsletter, block by block; pictures come from this installation at ``base_url``."""
    regular = {"v": 1, "all": [_ordered(REGULAR_ORDERS)]}
    return [
        {
            "id": "scene",
            "type": "image",
            "src": f"{base_url}/static/demo/scenes/dusk.jpg",
            "alt": "A lantern, candles and a cake stand on a table at dusk",
            "url": f"{WEBSITE}/winter-tables",
            "tone": "dusk",
        },
        {
            "id": "headline",
            "type": "heading",
            "text": "For the longer evenings",
            "level": 1,
            "align": "center",
            "tone": "dusk",
        },
        {
            "id": "promise",
            "type": "text",
            "text": "{{ greeting }}\nCandlelight, something warm to hold, and a table that invites people to stay.",
            "align": "center",
            "tone": "dusk",
        },
        {
            "id": "winter",
            "type": "button",
            "label": "See winter tables",
            "url": f"{WEBSITE}/winter-tables",
            "colour": "honey",
            "align": "center",
            "tone": "dusk",
        },
        {
            "id": "picked",
            "type": "products",
            "heading": 'Picked for you{{ subscriber.first_name | prefixed(", ") }}',
            "note": "From what you chose before, and what people like you loved.",
            "recipe": "bought_together",
            "limit": 4,
            "fallback": "popular",
            "label": "Have a look",
        },
        {"id": "story", "type": "heading", "text": "How to lay a table in ten minutes", "level": 2, "tone": "sand"},
        {
            "id": "story-text",
            "type": "text",
            "text": (
                "Elin’s rules: one cloth, two heights of candle, and nothing that matches.\n\n"
                f"[Read the story]({WEBSITE}/stories/ten-minute-table)"
            ),
            "tone": "sand",
        },
        {
            "id": "regular",
            "type": "heading",
            "text": "Free delivery, because you’re a regular",
            "level": 2,
            "align": "center",
            "show_when": regular,
        },
        {
            "id": "regular-text",
            "type": "text",
            "text": "Thank you for coming back. No code needed until Sunday night.",
            "align": "center",
            "show_when": regular,
        },
        {
            "id": "regular-button",
            "type": "button",
            "label": "Choose something",
            "url": f"{WEBSITE}/shop",
            "colour": "clay",
            "align": "center",
            "show_when": regular,
        },
        {
            "id": "footer",
            "type": "footer",
            "reason": "You get this because you follow {{ topic.name }}, about twice a month.",
        },
    ]
