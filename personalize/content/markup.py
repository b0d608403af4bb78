"""The small markup of text blocks: **bold**, *italic*, [label](https://…), a line break, an empty line."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape

_LINK = re.compile(r"\[([^\[\]\n]+)\]\(([^()\s]+)\)")
_BOLD = re.compile(r"\*\*(\S(?:[^\n]*?\S)?)\*\*")
_ITALIC = re.compile(r"\*(\S(?:[^*\n]*?\S)?)\*")

Href = Callable[[str, str], str]
"""Gives what stands in ``href`` for an address and its label."""


def to_html(text: str, href: Href) -> str:
    """HTML for text whose template tags have been taken out; everything but the markup is escaped."""
    pieces: list[str] = []
    at = 0
    for match in _LINK.finditer(text):
        label, url = match.groups()
        pieces += [escape(text[at : match.start()]), f'<a href="{escape(href(url, label))}">{escape(label)}</a>']
        at = match.end()
    pieces.append(escape(text[at:]))
    html = _ITALIC.sub(r"<i>\1</i>", _BOLD.sub(r"<b>\1</b>", "".join(pieces).strip()))
    return re.sub(r"\n{2,}", "<br/><br/>", re.sub(r"[ \t\r]*\n[ \t]*", "\n", html)).replace("\n", "<br/>")


def to_text(text: str, href: Href) -> str:
    """The same for the plain part: links as "label: address", no stars."""
    text = _LINK.sub(lambda match: f"{match[1]}: {href(match[2], match[1])}", text.strip())
    return _ITALIC.sub(r"\1", _BOLD.sub(r"\1", text)).replace("\r", "")
