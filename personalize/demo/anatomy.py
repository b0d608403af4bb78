"""What is in a mail's HTML that a reader cares about: its links, its pictures; and how it looks elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

_DARK = re.compile(r"@media\s*\(\s*prefers-color-scheme\s*:\s*dark\s*\)", re.IGNORECASE)
_HEAD = re.compile(r"<head[^>]*>", re.IGNORECASE)
_BASE = '<base target="_blank">'
_SOME_START = re.compile(r"http://127\.0\.0\.1:\d+(?=/)")


@dataclass
class Anatomy(HTMLParser):
    """``links`` in their order, ``pictures`` and how many of them are told in words; tracking pixels do not count."""

    links: list[str] = field(default_factory=list)
    pictures: int = 0
    told: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        href = found.get("href") or ""
        if tag == "a" and href.startswith(("https://", "http://")):
            self.links.append(href)
        if tag == "img" and found.get("width") != "1":
            self.pictures += 1
            self.told += bool(found.get("alt"))


def anatomy(html: str) -> Anatomy:
    """Read the HTML as a browser would, without ever failing on it."""
    parts = Anatomy()
    parts.feed(html)
    parts.close()
    return parts


def at_home(html: str, *, base_url: str) -> str:
    """The HTML with what it wants from an earlier start of the demo, which may have had another port, asked of this one."""
    return _SOME_START.sub(base_url, html)


def as_shown(html: str, *, dark: bool) -> str:
    """The HTML as the preview shows it: links open beside it, and ``dark`` turns the mail's own dark rules on."""
    found = _HEAD.search(html)
    at = found.end() if found else 0
    html = f"{html[:at]}{_BASE}{html[at:]}"
    return _DARK.sub("@media all", html) if dark else html
