"""The parts the frame itself brings to pages: first steps on Home, and whether sending works."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.http import HttpRequest

from personalize.core import clock, permissions, registries
from personalize.core.models import Worker

ALIVE_FOR = dt.timedelta(seconds=60)


def first_steps(request: HttpRequest, _target: object) -> dict[str, Any] | None:
    """What is left of the first set-up; gone when everything is done, and only for those who may do it."""
    if not permissions.allowed(request.user, "settings.edit"):
        return None
    steps = [(step, step.done()) for step in registries.first_run]
    left = [step for step, done in steps if not done]
    return {"steps": steps, "left": len(left), "next": left[0]} if left else None


def sending_health(_request: HttpRequest, _target: object) -> dict[str, Any]:
    """Whether a worker looked for due work within the last minute."""
    return {"alive": Worker.objects.filter(beat_at__gte=clock.now() - ALIVE_FOR).exists()}
