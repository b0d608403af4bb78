"""System checks with stable ids, so that a bad setting is said at the start and not at the first mail."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from personalize.core import registries
from personalize.core.retention import FOR_EVER


@register()
def check_secret(**_: Any) -> list[CheckMessage]:
    """personalize.E001: the demo secret outside of the demo."""
    if settings.SECRET_KEY == settings.DEMO_SECRET_KEY and not (settings.DEBUG or settings.DEMO):
        return [
            Error(
                "SECRET_KEY is the one of the demo, which everybody knows.",
                id="personalize.E001",
                hint="Set SECRET_KEY.",
            )
        ]
    return []


@register()
def check_link_keys(**_: Any) -> list[CheckMessage]:
    """personalize.E002: LINK_KEYS that cannot be read."""
    seen: set[str] = set()
    for item in settings.LINK_KEYS:
        number, colon, secret = item.partition(":")
        if not (colon and number.isdigit() and int(number) < 256 and len(secret) >= 32) or number in seen:
            return [
                Error(
                    "LINK_KEYS must be a list of id:secret, each id once and from 0 to 255, each secret 32 characters or more.",
                    id="personalize.E002",
                )
            ]
        seen.add(number)
    return []


@register()
def check_retention(**_: Any) -> list[CheckMessage]:
    """personalize.E007: RETENTION_DAYS that name no kind, or no number of days."""
    known = {entry.key for entry in registries.retention}
    wrong = [
        f"{kind}={days}"
        for kind, days in settings.RETENTION_DAYS.items()
        if kind not in known or not (days == FOR_EVER or days.isdigit())
    ]
    if not wrong:
        return []
    return [
        Error(
            f"RETENTION_DAYS cannot be read: {', '.join(wrong)}.",
            id="personalize.E007",
            hint=f"Write kind=days or kind={FOR_EVER}, by commas; the kinds are {', '.join(sorted(known))}.",
        )
    ]
