"""Simulations that the dashboard asks for: small ones are done at once, large ones by a worker, which tells how far it is."""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from campaigns.automations import simulation
from campaigns.automations.definition import read
from campaigns.automations.models import Automation, AutomationVersion, Simulation
from campaigns.automations.nodes import Definition
from campaigns.automations.types import Problem, SimulationState
from personalize.core import queue
from personalize.core.clock import now
from personalize.core.copy import stored_moment
from personalize.core.states import move
from segments.events.models import Event
from segments.segmentation.rules.reading import RuleError

logger = logging.getLogger(__name__)

AT_ONCE = 5_000
"""So many events are replayed while the reader waits for the page."""

KEPT = 10
"""Of each automation only the latest are kept."""

LOST = dt.timedelta(minutes=3)
"""Whoever tells nothing for so long is taken to have stopped."""

PATIENCE = dt.timedelta(seconds=20)
"""When the task of one that waits has not come by then, it is begun without."""

_aside = threading.Lock()


def begin(
    *, automation: Automation, version: AutomationVersion | None, since: dt.datetime, until: dt.datetime
) -> Simulation | list[Problem]:
    """Simulate a version, or the draft as it is; gives what is wrong with the draft instead."""
    raw = version.definition if version else automation.draft
    definition = read(raw)
    if not isinstance(definition, Definition):
        return definition
    at = now()
    made = Simulation.objects.create(
        automation=automation,
        version=version,
        definition=raw,
        since=since,
        until=until,
        created_at=at,
        touched_at=at,
    )
    old = Simulation.objects.filter(automation=automation).order_by("-created_at", "-pk")[KEPT:]
    Simulation.objects.filter(pk__in=list(old.values_list("pk", flat=True))).delete()
    events = Event.objects.filter(name__in=sorted(definition.event_names()), occurred_at__gte=since)
    if events[: AT_ONCE + 1].count() > AT_ONCE:
        queue.enqueue("automations.simulate")
    else:
        _do(made)
    return made


def sweep_simulations(at: dt.datetime | None = None) -> bool:
    """Do the oldest simulation that waits, or that somebody left in the middle; false when there is none."""
    found = _due(at or now()).order_by("created_at", "pk").first()
    if found is None:
        return False
    _do(found)
    return True


def look() -> bool:
    """Begin what waits although its task should long have come; true when it was done here.

    Where the look has a thread of its own the simulation gets another one: it may take minutes, and mails do not wait for it.
    """
    if not _due(now(), PATIENCE).exists():
        return False
    if not queue.listening.is_set():
        return sweep_simulations()
    if _aside.acquire(blocking=False):
        threading.Thread(target=_sweep_aside, name="simulation", daemon=True).start()
    return False


def _sweep_aside() -> None:
    try:
        sweep_simulations()
    finally:
        connection.close()
        _aside.release()


def _due(at: dt.datetime, patience: dt.timedelta = dt.timedelta(0)) -> QuerySet[Simulation]:
    """What has waited for so long, and what somebody left in the middle."""
    waits = Q(state=SimulationState.WAITING, created_at__lte=at - patience)
    lost = Q(state=SimulationState.RUNNING, touched_at__lt=at - LOST)
    return Simulation.objects.filter(waits | lost)


def _do(row: Simulation) -> None:
    """Simulate, unless somebody else was faster."""
    taken = Simulation.objects.filter(pk=row.pk, state=row.state, touched_at=row.touched_at)
    if not taken.update(state=SimulationState.RUNNING, share=0.0, touched_at=now()):
        return
    definition = read(row.definition)
    try:
        if not isinstance(definition, Definition):
            raise RuleError(definition[0].field, definition[0].message)
        with _told_aside(row) as progress:
            report = simulation.simulate(
                definition=definition, automation=row.automation, since=row.since, until=row.until, progress=progress
            )
    except RuleError as error:
        # What a rule named was deleted since, or while this went on.
        _ends(row, SimulationState.FAILED, problem=str(error)[:255])
    except Exception as error:
        logger.exception("The simulation %s stopped.", row.uuid)
        _ends(row, SimulationState.FAILED, problem=type(error).__name__)
        raise
    else:
        _ends(row, SimulationState.DONE, result=report.as_json(), share=1.0)


def _ends(row: Simulation, state: SimulationState, **told: Any) -> None:
    move(row, old=SimulationState.RUNNING, new=state, touched_at=now(), **told)
    row.refresh_from_db()


@contextmanager
def _told_aside(row: Simulation) -> Iterator[simulation.Progress | None]:
    """Tells how far it is over a line of its own: that of the simulation may only read.

    Within a transaction nobody else can see the row yet, so nobody is told.
    """
    if connection.in_atomic_block:
        yield None
        return
    aside = connection.copy()
    told = time.monotonic()

    def progress(share: float, events: int) -> None:
        nonlocal told
        if time.monotonic() - told < 1:
            return
        told = time.monotonic()
        with aside.cursor() as cursor:
            cursor.execute(
                "UPDATE automations_simulation SET share = %s, touched_at = %s WHERE id = %s",
                [share, stored_moment(now()), row.pk],
            )

    try:
        yield progress
    finally:
        aside.close()
