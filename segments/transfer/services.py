"""Imports from the first look at a file to its last row: every verb that a page or a command has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from personalize.core import audit, clock
from personalize.core.queue import enqueue
from personalize.core.states import move
from segments.consent.models import Topic
from segments.transfer import engine, mapping, storage
from segments.transfer.files import Table
from segments.transfer.kinds import KINDS
from segments.transfer.models import Import, ImportState, Rejection
from segments.transfer.types import ColumnMap, Preview, Refusal, Unusable

WAITING = (ImportState.UPLOADED, ImportState.READY, ImportState.PAUSED, ImportState.HELD, ImportState.FAILED)
"""The states in which nobody works on an import and it is not over."""


def create_import(
    *,
    kind: str,
    name: str,
    path: Path,
    actor: Any,
    source: str = "import",
    encoding: str = "utf-8-sig",
    options: Mapping[str, Any] | None = None,
    keep: bool = False,
) -> Import:
    """Take a file in; nothing is imported yet. Raises Unusable, with the place, when it cannot be read as a table.

    The file is moved into our own folder and removed when the import is over; with ``keep`` it is read where it lies and
    left there. ``name`` is what people call it. ``options`` has what only one kind knows: for orders ``customer_source``
    and ``refund_prefix``.
    """
    digest = storage.digest(path)
    size = path.stat().st_size
    stored = storage.take_in(path, keep=keep)
    try:
        Table(stored, encoding)
    except Unusable:
        storage.discard(stored)
        raise
    with transaction.atomic():
        job = Import.objects.create(
            kind=kind,
            name=name[:255],
            path=str(stored),
            digest=digest,
            size=size,
            encoding=encoding,
            source=source,
            options=dict(options or {}),
            actor=str(actor)[:255],
            created_at=clock.now(),
        )
        job.columns = suggest_columns(job)
        job.save(update_fields=["columns"])
        audit.record(actor=actor, action="import.created", target=job, kind=kind, size=size)
    return job


def suggest_columns(job: Import) -> dict[str, dict[str, str]]:
    """The columns whose names tell their field, as ``configure_import`` takes them."""
    return mapping.suggested(Table(Path(job.path), job.encoding).header, KINDS[job.kind].known())


def field_choices(kind: str) -> dict[str, Sequence[str]]:
    """The fields that columns may be mapped to, with the policies possible for each; nothing else can be written."""
    return dict(KINDS[kind].known())


def preview(job: Import, rows: int = 20) -> Preview:
    """The header and the first rows of the file, and what is wrong with them. Raises Unusable."""
    return Table(Path(job.path), job.encoding).preview(rows)


def configure_import(
    *,
    job: Import,
    columns: ColumnMap,
    actor: Any,
    source: str | None = None,
    topic: Topic | None = None,
    basis: str = "",
    wording: str = "",
    options: Mapping[str, Any] | None = None,
    dry_run: bool = False,
) -> Refusal | None:
    """Say which column is which field and on what ground people are joined; possible until the import has begun.

    ``topic`` joins the people (only for subscribers): with a ``basis`` at once, without one they wait for confirmation.
    ``source`` and ``options`` stay as they are when None. ``dry_run`` is what ``run_import`` does with it; a page says so
    to ``start_import``.
    """
    if job.kind != "subscribers" and topic is not None:
        return Refusal("topic", _("can only be joined by an import of subscribers"))
    if basis and topic is None:
        return Refusal("basis", _("is the ground of joining a topic; choose the topic"))
    try:
        mapping.layout(Table(Path(job.path), job.encoding).header, columns, KINDS[job.kind])
    except Unusable as error:
        return Refusal("columns", str(error))
    changes: dict[str, Any] = {
        "columns": {column: dict(said) for column, said in columns.items()},
        "source": source or job.source,
        "topic": topic,
        "basis": basis[:80],
        "wording": wording,
        "options": job.options if options is None else dict(options),
        "dry_run": dry_run,
    }
    if not move(job, old=ImportState.UPLOADED, new=ImportState.UPLOADED, **changes):
        return Refusal("state", _("The import has begun already."))
    return None


def start_import(*, job: Import, actor: Any, dry_run: bool = False) -> Refusal | None:
    """Let any worker begin. A dry run counts and writes nothing; it ends in state "uploaded", with its figures."""
    with transaction.atomic():
        started = move(
            job,
            old=ImportState.UPLOADED,
            new=ImportState.READY,
            dry_run=dry_run,
            cursor=0,
            mark=[],
            total=None,
            counts={},
            rejected=0,
            reason="",
            started_at=None,
            finished_at=None,
        )
        if not started:
            return Refusal("state", _("The import has begun already."))
        Rejection.objects.filter(job=job).delete()
        audit.record(actor=actor, action="import.started", target=job, dry_run=dry_run)
        enqueue("transfer.look")
    return None


def pause_import(*, job: Import, actor: Any, reason: str = "") -> bool:
    """Stop after the chunk in hand was taken back or stored; true when this call did it."""
    return _moved(job, (ImportState.READY, ImportState.RUNNING), ImportState.PAUSED, "import.paused", actor, reason)


def resume_import(*, job: Import, actor: Any) -> bool:
    """Go on where it stopped, after a pause or an error; true when this call did it."""
    return _moved(job, (ImportState.PAUSED, ImportState.FAILED), ImportState.READY, "import.resumed", actor)


def release_import(*, job: Import, actor: Any) -> bool:
    """Go on although the file looked like a list that was bought; true when this call did it."""
    options = {**job.options, engine.RELEASED: True}
    return _moved(job, (ImportState.HELD,), ImportState.READY, "import.released", actor, options=options)


def cancel_import(*, job: Import, actor: Any) -> bool:
    """End it for good and remove the file; what was stored stays. True when this call did it."""
    cancelled = _moved(
        job,
        (*WAITING, ImportState.RUNNING),
        ImportState.CANCELLED,
        "import.cancelled",
        actor,
        finished_at=clock.now(),
    )
    if cancelled:
        storage.discard(Path(job.path))
    return cancelled


def forget_import(*, job: Import) -> None:
    """Remove an import that stored nothing, such as a dry run, and its file if it is ours."""
    storage.discard(Path(job.path))
    job.delete()


def unfinished_like(job: Import) -> Import | None:
    """An earlier import of the same file with the same words that did not come to its end."""
    same = ("kind", "digest", "encoding", "columns", "source", "topic", "basis", "wording", "options")
    unfinished = (ImportState.READY, ImportState.RUNNING, ImportState.PAUSED, ImportState.FAILED)
    earlier = Import.objects.filter(digest=job.digest, dry_run=False, state__in=unfinished).exclude(pk=job.pk)
    return next((one for one in earlier if all(getattr(one, name) == getattr(job, name) for name in same)), None)


def run_import(
    job: Import,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Import:
    """Run it here and now, from where it stopped to its end, unless a worker has it in hand; gives it as it is then.

    ``progress`` is told (records done, records in all) after each chunk; ``stopped`` is asked whether to pause there.
    """
    engine.run(job, progress=progress, stopped=stopped)
    job.refresh_from_db()
    return job


def _moved(
    job: Import, old: tuple[str, ...], new: str, action: str, actor: Any, reason: str = "", **changes: Any
) -> bool:
    with transaction.atomic():
        won = move(job, old=old, new=new, reason=reason[:500], token=None, lease_until=None, **changes)
        if won:
            audit.record(actor=actor, action=action, target=job, reason=reason)
            enqueue("transfer.look")
    return won
