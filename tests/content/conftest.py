"""A mail as Priya would write it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from personalize.accounts.models import Brand, User
from personalize.content import services
from personalize.content.models import Template, TemplateVersion

SHOP = "https://alderandwren.example"
FOOTER: dict[str, Any] = {"id": "foot", "type": "footer"}


def blocks(*more: dict[str, Any]) -> list[dict[str, Any]]:
    """A greeting, a text, a button, whatever else is given, and the footer."""
    return [
        {"id": "hello", "type": "heading", "text": "{{ greeting }}"},
        {
            "id": "words",
            "type": "text",
            "text": f'Winter in **{{{{ subscriber.city | default("town") }}}}** & around, see [the tables]({SHOP}/tables?a=1&b=2).',
        },
        {"id": "go", "type": "button", "label": "See winter tables", "url": f"{SHOP}/winter"},
        *more,
        FOOTER,
    ]


Write = Callable[..., Template]


@pytest.fixture
def write(brand: Brand, priya: User) -> Write:
    """Writes a template: ``write(*more_blocks, subject=…)``."""

    def writer(*more: dict[str, Any], **fields: Any) -> Template:
        return services.create_template(
            **{
                "name": "Winter tables",
                "subject": "{{ greeting }} your winter table",
                "preheader": "Candles for {{ subscriber.first_name | default('you') }}",
                "blocks": blocks(*more),
                "actor": priya,
                **fields,
            }
        )

    return writer


@pytest.fixture
def save(write: Write, priya: User) -> Callable[..., TemplateVersion]:
    """Writes a template and saves its first version."""

    def saver(*more: dict[str, Any], **fields: Any) -> TemplateVersion:
        version = services.save_version(template=write(*more, **fields), actor=priya)
        assert isinstance(version, TemplateVersion), version
        return version

    return saver
