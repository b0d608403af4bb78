"""Makes text fit for one line of a mail's header: subject and preheader."""

from __future__ import annotations

import re
import unicodedata

from personalize.rendering.limits import LINE_CHARS

# Embeddings and overrides turn the reading direction of what follows; isolates are kept when every one is closed.
_TURNS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066\u2067]")
_ISOLATES = re.compile("[\u2068\u2069]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_BREAKS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_INVISIBLE = re.compile("[\u200b\u2060\ufeff]")
_SPACE = re.compile(r"\s+")
_SPACE_BEFORE = re.compile(r"\s+([,;.!?])")
_COMMA_BEFORE = re.compile(r"[,;]+\s*([.!?:])")


def clean(text: str) -> str:
    """Text without control characters and without characters that turn the reading direction; line breaks stay."""
    return _CONTROL.sub("", _INVISIBLE.sub("", _TURNS.sub("", text)))


def line(text: str) -> str:
    """One line, fit for a header and right to read where a name was left out.

    Line breaks of every kind become spaces, spaces collapse, and the comma that belonged to a missing name goes:
    ", your table is set" becomes "Your table is set" and "Picked for you, !" becomes "Picked for you!". At most 250
    characters are kept.
    """
    text = _closed(clean(_BREAKS.sub(" ", text)))
    text = _SPACE.sub(" ", text).strip()
    text = _COMMA_BEFORE.sub(r"\1", _SPACE_BEFORE.sub(r"\1", text))
    headless = text.lstrip(",;: ")
    if headless != text:
        text = headless[:1].upper() + headless[1:]
    text = text.rstrip(",; ")
    if len(text) > LINE_CHARS:
        text = _closed(text[: LINE_CHARS - 1].rstrip()) + "…"
    return text


def isolate(text: str) -> str:
    """Text for a left-to-right sentence: wrapped in Unicode isolates when it holds right-to-left letters."""
    if not text.isascii() and any(unicodedata.bidirectional(char) in ("R", "AL", "AN") for char in text):
        return f"\u2068{text}\u2069"
    return text


def _closed(text: str) -> str:
    """Drop all isolates unless every one is opened and closed in turn."""
    if not _ISOLATES.search(text):
        return text
    depth = 0
    for char in text:
        depth += {"\u2068": 1, "\u2069": -1}.get(char, 0)
        if depth < 0:
            break
    return text if depth == 0 else _ISOLATES.sub("", text)
