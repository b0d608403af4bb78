"""Which addresses a mail may lead to, and the table of those whose clicks can be counted."""

from __future__ import annotations

import re
from typing import Any

from django.utils.translation import gettext as _

from personalize.content.holes import HOLE, Holes, Link
from personalize.content.types import Problem
from personalize.rendering.links import safe_url

LONGEST = 2000
# What triggers a mail is the shop's own word, so an address may come from it whole: the link that confirms, a parcel's trace.
_TRIGGERED = re.compile(r"\{\{-?\s*(trigger(?:\.[A-Za-z0-9_]+)+)\s*-?\}\}")
# A merge field may stand in the path or the query, never where it could choose the host.
_HOST = re.compile(r"https?://[^/?#]+[/?#]")


class Addresses:
    """The links of one mail, numbered from 1; the same address in the same block has one number."""

    def __init__(self, holes: Holes) -> None:
        self._holes = holes
        self._numbers: dict[tuple[str, str], int] = {}
        self.table: list[dict[str, Any]] = []
        self.problems: list[Problem] = []

    def href(self, block: str, field: str, url: str, label: str) -> str:
        """What stands in for an address whose tags have been taken out. An address that may not be used is a problem."""
        url = url.strip()
        if HOLE.search(url):
            return self._with_fields(block, field, url)
        if len(url) > LONGEST or safe_url(url) == "#":
            self._refuse(block, field, _("A link starts with https://, http://, mailto: or tel: and has no spaces."))
            return "#"
        number = self._numbers.get((block, url))
        if number is None:
            number = len(self.table) + 1
            self._numbers[block, url] = number
            words = " ".join(HOLE.sub("…", label).split())[:200]
            self.table.append({"number": number, "url": url, "label": words, "block": block})
        return self._holes.keep(Link(number, url))

    def picture(self, block: str, field: str, url: str) -> str:
        """The address of a picture, which is fetched over http or https."""
        url = url.strip()
        if HOLE.search(url):
            return self._with_fields(block, field, url)
        if len(url) > LONGEST or safe_url(url) == "#" or not url.lower().startswith("http"):
            self._refuse(block, field, _("A picture has an address that starts with https:// or http://."))
        return url

    def _with_fields(self, block: str, field: str, url: str) -> str:
        """An address with merge fields: each value is percent-encoded, and clicks are not counted.

        One that is nothing but a field of ``trigger`` stays as it is, if it is one that may be linked at all.
        """
        tags = [self._holes.tag(match) for match in HOLE.finditer(url)]
        triggered = _TRIGGERED.fullmatch(str(tags[0])) if HOLE.fullmatch(url) else None
        if triggered:
            return self._holes.keep(f"{{{{ {triggered[1]} | url }}}}")
        host = _HOST.match(url)
        if host is None or HOLE.search(host.group()) or safe_url(HOLE.sub("x", url)) == "#":
            self._refuse(block, field, _("A merge field may stand after the host of a link, not in it."))
        elif any(not isinstance(tag, str) or not tag.startswith("{{") for tag in tags):
            self._refuse(block, field, _("Only merge fields may stand in a link."))
        return HOLE.sub(lambda match: self._holes.keep(_encoded(self._holes.tag(match))), url)

    def _refuse(self, block: str, field: str, message: str) -> None:
        problem = Problem(block, field, message)
        if problem not in self.problems:
            self.problems.append(problem)


def _encoded(tag: str | Link) -> str:
    expression = str(tag).strip("{}").strip("-+ \n\t")
    return f"{{{{ ({expression}) | urlencode }}}}"
