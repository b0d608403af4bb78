"""An event on its way in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class NewEvent:
    """Something a person did. ``amount`` is in ten-thousandths of the shop currency; ``historic`` never triggers."""

    subscriber_id: int
    name: str
    occurred_at: dt.datetime
    source: str
    idempotency_key: str
    subject: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)
    amount: int | None = None
    historic: bool = False
