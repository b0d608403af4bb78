"""Takes template tags out of a text before other tools see it, and puts them back afterwards.

MJML would escape or move ``{{ }}`` and ``{% %}``. What stands in their place are plain letters around a number, which every
tool leaves alone; the same letters are removed from what people write.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

from personalize.rendering import links

TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
HOLE = re.compile(r"qzhole(\d+)elohzq")


@dataclass(frozen=True)
class Link:
    """A link with a fixed target, known in the version's table by its number."""

    number: int
    url: str


class Holes:
    """What has been taken out of one mail, by number."""

    def __init__(self) -> None:
        self._kept: list[str | Link] = []

    def keep(self, thing: str | Link) -> str:
        """Take this out; the returned characters stand for it."""
        self._kept.append(thing)
        return f"qzhole{len(self._kept) - 1}elohzq"

    def lift(self, text: str) -> str:
        """The text with all its tags taken out. Holes that are in it already stay."""
        return TAG.sub(lambda match: self.keep(match.group()), text)

    def lift_from_people(self, text: str) -> str:
        """The same for text that people wrote, which cannot hold holes yet."""
        return self.lift(HOLE.sub("", text))

    def tag(self, hole: re.Match[str]) -> str | Link:
        """What a hole, as found by ``HOLE``, stands for."""
        return self._kept[int(hole.group(1))]

    def fill(self, text: str, *, html: bool, tracked: bool) -> str:
        """Put everything back; a link becomes its placeholder for tracked mails and its own address otherwise."""

        def back(match: re.Match[str]) -> str:
            thing = self.tag(match)
            if isinstance(thing, str):
                return thing
            if tracked:
                return links.sentinel(str(thing.number))
            return escape(thing.url) if html else thing.url

        return HOLE.sub(back, text)
