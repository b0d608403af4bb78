"""How rules about mails are drawn and changed in the rule builder."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from campaigns.delivery.message_rules import GROUPS
from personalize.core.registries import mail_groups
from segments.segmentation.builder import figures
from segments.segmentation.builder.asks import raw_words, window
from segments.segmentation.builder.editing import Raw, put, said
from segments.segmentation.builder.parts import Editor, Line, Part, Setting, Thing, pick


def _things(setting: Setting) -> list[Thing]:
    return [
        Thing(f"messages:{what}", words, _("Our mails"), {"messages": {"what": what, "op": ">=", "value": 1}})
        for what, words in _names().items()
    ]


def _names() -> dict[str, str]:
    return {
        "sent": _("Was sent a mail of ours"),
        "delivered": _("Got a mail of ours"),
        "opened": _("Opened a mail of ours"),
        "clicked": _("Clicked in a mail of ours"),
        "bounced": _("A mail of ours bounced"),
        "complained": _("Marked a mail of ours as spam"),
        "unsubscribed": _("Unsubscribed from a mail of ours"),
    }


def _title(raw: Raw, setting: Setting) -> str:
    what = said(raw, "messages.what")
    return _names().get(str(what), raw_words(what))


def _fields() -> list[tuple[str, str]]:
    return [("topic", _("topic")), ("campaign", _("campaign")), ("automation", _("automation"))]


def _named(field: str, setting: Setting) -> list[tuple[str, str]]:
    """What a filter may name."""
    if field == "topic":
        return list(setting.vocabulary.topics.items())
    source = mail_groups.get(GROUPS.get(field, ""))
    return [(str(uuid), name) for uuid, name in source.named()] if source else []


def _lines(raw: Raw, setting: Setting) -> list[Line]:
    first = [
        *figures.comparison("messages", raw, counted=True),
        window("messages.window", said(raw, "messages.window"), setting),
    ]
    lines: list[Line] = [first]
    found = said(raw, "messages.where")
    for index in range(len(found) if isinstance(found, list) else 0):
        name = f"messages.where[{index}]"
        field, value = said(raw, f"{name}.field"), said(raw, f"{name}.value")
        lines.append(
            [
                Part("", _("of the")),
                pick(f"{name}.field", _("Whose"), field, _fields()),
                pick(f"{name}.value", _("Which"), value, _named(str(field), setting), role="value"),
                Part(name, _("Remove this filter"), role="drop"),
            ]
        )
    return figures.narrowing(lines, figures.narrow("messages.where", _("Only some mails"), _fields))


def _changed(raw: Raw, name: str, value: Any, setting: Setting) -> Raw:
    if name == "messages.op":
        return figures.compared("messages", raw, value)
    if name.endswith(figures.NARROW):
        return figures.narrowed("messages.where", raw, value, "is")
    if name.endswith(".field"):
        return dict(put(raw, name.removesuffix(".field"), {"field": value, "op": "is"}))
    return dict(put(raw, name, value))


EDITOR = Editor("messages", _things, _title, _lines, _changed, order=32)
