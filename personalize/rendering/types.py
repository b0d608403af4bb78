"""What goes into the renderer and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Problem:
    """Why a source cannot be used: the part it is in, the line (0: the part as a whole), and the reason in words."""

    part: str
    line: int
    message: str


@dataclass(frozen=True)
class Analysis:
    """What a look at sources without any data says: their problems, and the dotted fields that each part reads."""

    problems: list[Problem] = field(default_factory=list)
    fields: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """One mail to render: ``parts`` names the sources, ``data`` holds nothing but JSON values."""

    id: str
    parts: tuple[str, ...]
    data: dict[str, Any]


@dataclass(frozen=True)
class Rendered:
    """A finished mail; ``fallbacks`` are the fields that were empty and stood in for, each once."""

    id: str
    parts: dict[str, str]
    fallbacks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failure:
    """A mail that could not be rendered; ``reason`` starts with "render: " and holds no personal data."""

    id: str
    reason: str
