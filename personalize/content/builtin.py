"""The service mails the product itself sends, as they read before anybody edits them.

Their fields: ``trigger.url`` is where the mail leads, ``trigger.topics`` the names of what it is about.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _


@dataclass(frozen=True)
class Wording:
    """One mail in the language that is active: its name among the templates, its lines, and the words of its button."""

    name: str
    subject: str
    preheader: str
    heading: str
    text: str
    button: str
    otherwise: str

    def blocks(self) -> list[dict[str, Any]]:
        """A greeting, why the mail came, one button, and what to do when it came by mistake."""
        return [
            {"id": "heading", "type": "heading", "text": self.heading},
            {"id": "text", "type": "text", "text": "{{ greeting }}\n\n" + self.text},
            {"id": "button", "type": "button", "label": self.button, "url": "{{ trigger.url }}"},
            {"id": "otherwise", "type": "text", "text": self.otherwise},
        ]


def _confirmation() -> Wording:
    return Wording(
        name=_("Confirm your subscription"),
        subject=_("Please confirm: {{ trigger.topics }}"),
        preheader=_("One click, and you are on the list."),
        heading=_("One click, and you are on the list"),
        text=_("You asked {{ brand.name }} for **{{ trigger.topics }}**. Please confirm that this address is yours."),
        button=_("Confirm"),
        otherwise=_("If you did not ask for this, do nothing: without your click you hear nothing more of it."),
    )


def _preferences_link() -> Wording:
    return Wording(
        name=_("Your link to your preferences"),
        subject=_("Your link to {{ brand.name }}"),
        preheader=_("See and change what you get."),
        heading=_("Your preferences"),
        text=_("Here is the link you asked for. With it you see and change what {{ brand.name }} sends you."),
        button=_("Open your preferences"),
        otherwise=_(
            "The link is for you alone: whoever has it can change what you get. If you did not ask, do nothing."
        ),
    )


def _undo() -> Wording:
    return Wording(
        name=_("Your preferences were changed"),
        subject=_("Your preferences at {{ brand.name }} were changed"),
        preheader=_("If that was not you, take it back."),
        heading=_("Your preferences were changed"),
        text=_(
            "What you get from {{ brand.name }} was changed just now"
            "{% if trigger.topics %}: {{ trigger.topics }}{% endif %}. If that was you, all is well."
        ),
        button=_("Take it back"),
        otherwise=_("If you did it yourself, there is nothing to do."),
    )


WORDINGS: dict[str, Callable[[], Wording]] = {
    "confirmation": _confirmation,
    "preferences_link": _preferences_link,
    "undo": _undo,
}
"""By the template's key, which is the kind of mail that ``mail_requested`` asks for."""
