"""Doorbell of automations. Runs twice: the second finds nothing due. Never runs: the workers' polling does the same."""

from __future__ import annotations

from celery import shared_task

from personalize.core import queue


@shared_task(name="automations.look")
def look() -> None:
    queue.answer()
