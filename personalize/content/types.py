"""Plain values the content app hands around."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID


@dataclass(frozen=True)
class Problem:
    """Why a mail cannot be used: the block's id ("" for the mail itself), the field, and the reason in words."""

    block: str
    field: str
    message: str


@dataclass(frozen=True)
class Compiled:
    """A mail made ready for rendering; each attribute is what TemplateVersion keeps under the same name."""

    compiled: dict[str, str]
    links: list[dict[str, Any]]
    fields: list[str]
    rules: dict[str, Any]
    products: dict[str, Any]


@dataclass(frozen=True)
class PersonContext:
    """What one person's mail is rendered from.

    ``person`` is the subscriber's uuid; ``tracked`` says whether they allow that opens and clicks are recorded; ``trace``
    what was personal, for the timeline; ``address`` is where it goes, "" for an erased person. ``skip`` is the reason for
    which they get no mail after all, "" when they do.
    """

    data: dict[str, Any]
    person: UUID
    tracked: bool
    trace: dict[str, Any] = field(default_factory=dict)
    address: str = ""
    skip: str = ""
