"""Doorbells of automations. Runs twice: the second finds nothing due. Never runs: the workers' polling does the same."""

from __future__ import annotations

from celery import shared_task

from campaigns.automations import simulating
from personalize.core import queue


@shared_task(name="automations.look")
def look() -> None:
    queue.answer()


@shared_task(name="automations.simulate")
def simulate() -> None:
    """Do the simulations that wait. Runs twice: they are taken by one. Never runs: a look begins them
    some seconds later."""
    while simulating.sweep_simulations():
        pass
