"""The one periodic task. Runs twice: the second finds nothing. Never runs: the workers' own polling does the same."""

from __future__ import annotations

from celery import shared_task

from personalize.core import queue


@shared_task(name="core.look")
def look() -> None:
    queue.answer()
