"""How mails look: the starter's colours and letters, and what the brand puts in their place."""

from __future__ import annotations

import re
from typing import Any

DEFAULTS: dict[str, str] = {
    "paper": "#FFFDF9",
    "outside": "#F3EEE6",
    "sand": "#F6EEE1",
    "linen": "#EFE6D8",
    "picture": "#EEE6DA",
    "rule": "#E8DFD1",
    "ink": "#26241F",
    "text": "#4C473C",
    "muted": "#6B6558",
    "link": "#9A4526",
    "clay": "#A34A29",
    "dusk": "#2B3A3A",
    "dusk_ink": "#FBF3E4",
    "dusk_text": "#D3D8CC",
    "honey": "#EBC98C",
    "heading_font": "Georgia, Times New Roman, serif",
    "text_font": "Helvetica Neue, Arial, sans-serif",
}
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
_FONT = re.compile(r"[A-Za-z0-9 ,-]{1,120}")


def of(style: dict[str, Any]) -> dict[str, str]:
    """The defaults with the brand's own values where these are colours (#RRGGBB) or font names."""
    chosen = dict(DEFAULTS)
    for key, value in style.items():
        pattern = _FONT if key.endswith("_font") else _COLOUR
        if key in chosen and isinstance(value, str) and pattern.fullmatch(value):
            chosen[key] = value
    return chosen
