"""What the frame around every page needs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from personalize.core import permissions, registries
from personalize.dashboard import figures

THEMES = ("light", "dark")


@dataclass(frozen=True)
class Line:
    """A line of the navigation as it is drawn."""

    label: Any
    icon: str
    url: str
    count: int | None
    current: bool


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context processor: navigation, Create menu, the reader's zone and colours. Nothing but colours for strangers."""
    theme = request.COOKIES.get("theme", "")
    always = {"theme": theme if theme in THEMES else "", "demo": settings.DEMO}
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return always
    return {**always, "frame": Frame(request)}


class Frame:
    """Computed when a template asks: fragments that show no frame pay for none."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    def groups(self) -> list[tuple[str, list[Line]]]:
        """The navigation as (group, lines), with what the reader may open."""
        entries = [
            (entry, reverse(entry.url_name))
            for entry in registries.menu
            if permissions.allowed(self._request.user, entry.action)
        ]
        path = self._request.path
        fitting = [url for _, url in entries if path == url or (url != "/" and path.startswith(url))]
        current = max(fitting, key=len, default="")
        return [
            (
                group,
                [
                    Line(entry.label, entry.icon, url, entry.count() if entry.count else None, url == current)
                    for entry, url in lines
                ],
            )
            for group, lines in groupby(entries, key=lambda pair: str(pair[0].group))
        ]

    def creations(self) -> list[Line]:
        """What the reader may make from anywhere."""
        return [
            Line(entry.label, entry.icon, reverse(entry.url_name), None, False)
            for entry in registries.creations
            if permissions.allowed(self._request.user, entry.action)
        ]

    def zone(self) -> str:
        return figures.zone_name()
