"""The thread in every worker process that keeps looking for due work, broker or no broker."""

from __future__ import annotations

import logging
import os
import socket
import threading
import uuid

from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.db.models import F

from personalize.core import queue
from personalize.core.clock import now
from personalize.core.models import Worker

logger = logging.getLogger(__name__)

GRACE_SECONDS = 8.0
"""How long a stopping process waits for the mail in hand; containers are killed after 10."""

BEAT_SECONDS = 5.0
"""How often the heartbeat row is written at most."""

_thread: threading.Thread | None = None


def start() -> None:
    """Begin looking in this process; called once a pool child is up."""
    global _thread
    queue.stopping.clear()
    queue.listening.set()
    _thread = threading.Thread(target=_look_until_stopped, name="look", daemon=True)
    _thread.start()


def stop() -> None:
    """Finish the mail in hand, give the rest back, and end the thread; waits at most GRACE_SECONDS."""
    queue.listening.clear()
    queue.stopping.set()
    queue.rung.set()
    if _thread is not None:
        _thread.join(GRACE_SECONDS)


def _look_until_stopped() -> None:
    heartbeat = Heartbeat()
    while not queue.stopping.is_set():
        close_old_connections()
        queue.rung.clear()
        found = False
        try:
            found = queue.look()
            heartbeat.beat(found=found)
        except DatabaseError as error:
            # The database is away; the rows are safe in it, so asking again is all there is to do.
            logger.warning("The database did not answer (%s); looking again soon.", error)
        if not found:
            queue.rung.wait(settings.IDLE_LOOK_SECONDS)
    heartbeat.end()


class Heartbeat:
    """This process's row in Worker: written at most every few seconds, removed at the end."""

    def __init__(self) -> None:
        self.uuid = uuid.uuid4()
        self.beat_at = now()
        self.looks = self.found = 0
        self.known = False

    def beat(self, *, found: bool) -> None:
        self.looks += 1
        self.found += found
        at = now()
        if self.known and (at - self.beat_at).total_seconds() < BEAT_SECONDS:
            return
        if self.known:
            Worker.objects.filter(pk=self.uuid).update(
                beat_at=at, looks=F("looks") + self.looks, found=F("found") + self.found
            )
        else:
            Worker.objects.create(uuid=self.uuid, host=socket.gethostname(), pid=os.getpid(), started_at=at, beat_at=at)
        self.known, self.beat_at, self.looks, self.found = True, at, 0, 0

    def end(self) -> None:
        Worker.objects.filter(pk=self.uuid).delete()
