"""Doing imports: one process claims one by lease, and each chunk commits with the place where it ends.

A process that dies leaves a lease that runs out; whoever claims the import next goes on after the last chunk that was
committed. The commit of a chunk asks whether the import is still ours; if it was paused, cancelled or taken over, the
chunk is taken back.
"""

from __future__ import annotations

import datetime as dt
import gc
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q
from django.db.models.functions import Now

from personalize.core import clock, queue
from personalize.core.database import refresh_statistics
from segments.segmentation.touching import importing
from segments.transfer import review, storage
from segments.transfer.files import Table
from segments.transfer.kinds import KINDS, Kind
from segments.transfer.mapping import layout
from segments.transfer.models import Import, ImportState, Rejection
from segments.transfer.types import Group, Layout, Mark, Steps, Tally, Unusable

Item = TypeVar("Item")

CHUNK_ROWS = 7_500
"""Large enough that an index page is written once for many rows, small enough for little memory and a quick stop."""

TURN_SECONDS = 20.0
"""How long one look imports before it lets others have a turn."""

LARGE = 1000
"""From so many records on, the planner hears of what came at once, and segments of the import as a whole."""

RELEASED = "released"
"""The option of an import that somebody has looked at and let go on."""


def look() -> bool:
    """Do some of an import that is ready or was left behind; true when there was one."""
    left = Q(state=ImportState.RUNNING, lease_until__lte=Now())
    job = _claim(Q(state=ImportState.READY) | left)
    if job is None:
        return False
    until = time.monotonic() + TURN_SECONDS
    turn = _Turn(job, stopped=lambda: queue.stopping.is_set() or time.monotonic() > until)
    if not turn.run():
        turn.leave(ImportState.READY)
    return True


def run(job: Import, *, progress: Callable[[int, int], None], stopped: Callable[[], bool]) -> bool:
    """Do one import here and now; it is paused when ``stopped`` says so. False when somebody else has it in hand."""
    begun = (ImportState.UPLOADED, ImportState.READY, ImportState.PAUSED, ImportState.FAILED)
    left = Q(state=ImportState.RUNNING, lease_until__lte=Now())
    claimed = _claim(Q(pk=job.pk) & (Q(state__in=begun) | left))
    if claimed is None:
        return False
    turn = _Turn(claimed, stopped=stopped, progress=progress)
    whole = False
    try:
        whole = turn.run()
    finally:
        if not whole:
            turn.leave(ImportState.PAUSED)
    return True


def _claim(condition: Q) -> Import | None:
    """Take the oldest import that the condition allows, by a lease of the database's own clock."""
    if not Import.objects.filter(condition).exists():
        return None
    with transaction.atomic():
        free = Import.objects.select_for_update(skip_locked=True).filter(condition).order_by("created_at")
        if (job := free.first()) is None:
            return None
        job.token = uuid.uuid4()
        job.state, job.reason, job.started_at = ImportState.RUNNING, "", job.started_at or clock.now()
        job.lease_until = _lease()
        job.save(update_fields=["token", "state", "reason", "started_at", "lease_until"])
    return Import.objects.select_related("topic").get(pk=job.pk)


def _lease() -> Any:
    return Now() + dt.timedelta(seconds=settings.IMPORT_LEASE_SECONDS)


def _ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The items, each of them made in a thread while the one before is in use."""
    with ThreadPoolExecutor(1, "import") as thread:
        following = thread.submit(next, items, None)
        while (item := following.result()) is not None:
            following = thread.submit(next, items, None)
            yield item


SWITCH_SECONDS = 0.0005
"""How long the preparing thread may keep the interpreter while an answer of the database waits to be taken."""


@contextmanager
def _two_at_work() -> Iterator[None]:
    """What suits a thread that makes millions of objects beside one that waits for the database.

    The collector would search in vain among objects without a cycle. And each answer of the database would wait for the
    interpreter ten times as long as it took.
    """
    collecting, switching = gc.isenabled(), sys.getswitchinterval()
    gc.disable()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(switching)
        if collecting:
            gc.enable()


class _Turn:
    """What one process does of one import between claiming and leaving it."""

    def __init__(
        self,
        job: Import,
        *,
        stopped: Callable[[], bool],
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        self.job = job
        self.stopped = stopped
        self.progress = progress

    def run(self) -> bool:
        """Go on from where the import stopped; false when it is still ours and there is more to do."""
        try:
            with _two_at_work():
                return self._go_on()
        except Unusable as error:
            self._end(ImportState.FAILED, reason=str(error)[:500])
        except (OperationalError, InterfaceError):
            # The database is away or another was faster: the lease runs out, and the next claim goes on.
            raise
        except Exception as error:
            self._end(ImportState.FAILED, reason=f"{type(error).__name__}: {error}"[:500])
            raise
        return True

    def leave(self, state: str) -> None:
        """Let others go on, or somebody resume it; unless it is no longer ours."""
        self._move(state, token=None, lease_until=None)

    def _go_on(self) -> bool:
        job = self.job
        kind = KINDS[job.kind]
        table = Table(Path(job.path), job.encoding)
        at = layout(table.header, job.columns, kind)
        if job.total is None and not self._survey(table, at):
            return True
        steps = kind.steps(job, at)
        for size, mark, prepared, tally in _ahead(self._prepared(self._chunks(table, kind, at), steps)):
            with transaction.atomic():
                with transaction.atomic():
                    with importing(large=(job.total or 0) >= LARGE):
                        steps.store(prepared, tally)
                    transaction.set_rollback(job.dry_run)
                if not self._commit(size, mark, tally):
                    transaction.set_rollback(True)
                    return True
            self.progress(job.cursor, job.total or 0)
            if self.stopped() and job.cursor < (job.total or 0):
                return False
        self._finish()
        return True

    def _survey(self, table: Table, at: Layout) -> bool:
        """Read the file to its end and count; false when the import is held for a look, or no longer ours."""
        doubts = review.Doubts(at)
        total = 0
        for record in table.records():
            total += 1
            doubts.see(record)
        reason = doubts.reason(total) if self.job.kind == "subscribers" and not self.job.options.get(RELEASED) else ""
        if reason and not self.job.dry_run:
            self._end(ImportState.HELD, reason=reason, total=total)
            return False
        return self._move(ImportState.RUNNING, total=total, reason=reason, lease_until=_lease())

    def _chunks(self, table: Table, kind: Kind, at: Layout) -> Iterator[tuple[list[Group], Mark]]:
        """What is left of the file, by chunks of whole groups, each with the place behind it."""
        if kind.together:
            # The rows of a group stand anywhere, so that the file is read from its beginning.
            key = kind.key(at)
            groups = table.groups(key, table.last_lines(key))
            behind = self.job.cursor
        else:
            groups = ([record] for record in table.records(Mark(*self.job.mark)))
            behind = 0
        size = 0
        chunk: list[Group] = []
        for group in groups:
            if behind > 0:
                behind -= len(group)
                continue
            chunk.append(group)
            size += len(group)
            if size >= CHUNK_ROWS:
                yield chunk, table.mark
                chunk, size = [], 0
        if chunk:
            yield chunk, table.mark

    def _prepared(
        self, chunks: Iterator[tuple[list[Group], Mark]], steps: Steps
    ) -> Iterator[tuple[int, Mark, Any, Tally]]:
        for chunk, mark in chunks:
            tally = Tally()
            yield sum(map(len, chunk)), mark, steps.prepare(chunk, tally), tally

    def _commit(self, size: int, mark: Mark, tally: Tally) -> bool:
        """Write how far we are, in the transaction of the chunk itself; false when the import is no longer ours."""
        job = self.job
        Rejection.objects.bulk_create(
            Rejection(job=job, line=record.line, reason=reason[:500], values=list(record.values))
            for record, reason in tally.rejected
        )
        counts = Counter(job.counts)
        counts.update(tally.counts)
        return self._move(
            ImportState.RUNNING,
            cursor=job.cursor + size,
            mark=[mark.lines, mark.size],
            counts=dict(counts),
            rejected=job.rejected + len(tally.rejected),
            lease_until=_lease(),
        )

    def _finish(self) -> None:
        job = self.job
        # A dry run waits, with its figures, for the real one.
        if self._end(ImportState.UPLOADED if job.dry_run else ImportState.FINISHED, finished_at=clock.now()):
            if job.dry_run:
                return
            storage.discard(Path(job.path))
            if (job.total or 0) >= LARGE:
                refresh_statistics()

    def _end(self, state: str, **changes: Any) -> bool:
        return self._move(state, token=None, lease_until=None, **changes)

    def _move(self, state: str, **changes: Any) -> bool:
        """Change the import if it is still ours."""
        job = self.job
        ours = Import.objects.filter(pk=job.pk, state=ImportState.RUNNING, token=job.token)
        won = bool(ours.update(state=state, **changes))
        if won:
            for name, value in {"state": state, **changes}.items():
                if not hasattr(value, "resolve_expression"):
                    setattr(job, name, value)
        return won
