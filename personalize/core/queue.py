"""The doorbell: queue a task by name once the transaction has committed, and the list of what looks for due work.

The database row is the queue. A task says "look" and carries at most an id; losing it costs the seconds until the next
look, never the work.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from celery import current_app
from django.db import transaction

logger = logging.getLogger(__name__)

Look = Callable[[], bool]
_looks: dict[str, Look] = {}
_looking = threading.Lock()

stopping = threading.Event()
"""Set when this process is asked to end: a look then finishes the mail in hand and gives the rest back."""

listening = threading.Event()
"""Set while a thread of this process looks for due work by itself."""

rung = threading.Event()
"""Set to wake that thread from its pause."""


def enqueue(task: str, /, **arguments: Any) -> None:
    """Queue the task ``task`` when the surrounding transaction commits.

    Raises LookupError at once when no such task is registered. A broker that cannot be reached is logged and forgotten:
    the workers' own polling finds the row.
    """
    if task not in current_app.tasks:
        # A worker imports the apps' task modules at its start; a web process does so here, with its first task.
        current_app.autodiscover_tasks(force=True)
    registered = current_app.tasks.get(task)
    if registered is None:
        raise LookupError(f"No task is registered under the name {task!r}.")

    def ring() -> None:
        try:
            registered.apply_async(kwargs=arguments, retry=False)
        except registered.app.connection().connection_errors as error:
            logger.warning("The broker did not take %s (%s); polling will find the work.", task, error)

    transaction.on_commit(ring)


def register_look(name: str, look: Look, *, before: str = "") -> None:
    """Add a function that does some due work and says whether it did any; called often, by many processes at once.

    It has its turn after those that are there, or ``before`` the one of that name, for which it makes work.
    """
    after = {}
    if before in _looks:
        later = list(_looks)[list(_looks).index(before) :]
        after = {one: _looks.pop(one) for one in later}
    _looks[name] = look
    _looks.update(after)


def answer() -> None:
    """What a task does when the bell rings: wake the looking thread, or look at once where there is none.

    The thread can be asked to stop in mid-send; a running task cannot, a worker waits for its end.
    """
    if listening.is_set():
        rung.set()
    else:
        look()


def look(*, raising: bool = False) -> bool:
    """Give every registered look one turn; true when any of them found work.

    One at a time in a process: whoever comes while another looks returns at once, for the work is being done. A look
    that fails is logged and does not stop the others, unless ``raising``.
    """
    if not _looking.acquire(blocking=False):
        return False
    try:
        found = False
        for name, turn in _looks.items():
            if stopping.is_set():
                break
            try:
                found = turn() or found
            except Exception:
                if raising:
                    raise
                logger.exception("The look %r failed; the next one tries again.", name)
        return found
    finally:
        _looking.release()
