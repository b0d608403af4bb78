"""The blocks that the recipes' mails share, so that all of them look like one shop's."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

Block = dict[str, Any]

NAME = '{{ subscriber.first_name | prefixed(", ") }}'
"""A comma and the first name, or nothing when it is not known."""


TOPIC = '{{ topic.name | default("our news") }}'
"""What the mail is sent for."""


def opening(heading: str, text: str, *, tone: str = "linen") -> list[Block]:
    """What people see first: a large line and a few words, with the greeting before them."""
    return [
        {"id": "heading", "type": "heading", "text": heading, "align": "center", "tone": tone},
        {"id": "opening", "type": "text", "text": f"{{{{ greeting }}}}\n{text}", "align": "center", "tone": tone},
    ]


def button(label: str, shop: str) -> list[Block]:
    """A button that leads to the shop; none while nobody knows where that is."""
    return [{"id": "button", "type": "button", "label": label, "url": shop, "align": "center"}] if shop else []


def picked(heading: str, *, note: str = "", limit: int = 4, recipe: str = "bought_together") -> Block:
    """Products chosen for the person."""
    return {
        "id": "picked",
        "type": "products",
        "heading": heading,
        "note": note,
        "recipe": recipe,
        "limit": limit,
        "label": _("Have a look"),
    }


def cart(*, label: str, note: str = "") -> Block:
    return {
        "id": "cart",
        "type": "cart",
        "label": label,
        "note": note,
        "quantity": _("Qty"),
        "more": _("and {n} more"),
        "total": _("Total"),
        "left": _("Only {n} left"),
        "was": _("Was {price}"),
    }


def order(heading: str) -> Block:
    return {
        "id": "order",
        "type": "order",
        "heading": heading,
        "quantity": _("Qty"),
        "more": _("and {n} more"),
        "total": "",
    }


def footer(reason: str = "") -> Block:
    """Why the mail came, and how to have less of it."""
    return {
        "id": "footer",
        "type": "footer",
        "reason": reason or _("You get this because you follow %(topic)s.") % {"topic": TOPIC},
        "view": _("View in browser"),
        "preferences": _("Choose what you get"),
        "unsubscribe": _("Unsubscribe"),
    }
