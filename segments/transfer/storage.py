"""Where files lie while they wait: a folder of our own, under names of our own."""

from __future__ import annotations

import hashlib
import shutil
import uuid
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from segments.transfer import sheets
from segments.transfer.types import Unusable


def folder() -> Path:
    """Our folder; whoever runs imports must be able to read it."""
    return Path(settings.VAR) / "imports" / "files"


def digest(path: Path) -> str:
    """SHA-256 of the file's bytes, hex. Raises Unusable when it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise Unusable(_("The file cannot be read: %s.") % (error.strerror or error)) from error


def take_in(path: Path, *, keep: bool) -> Path:
    """Where the table is read from. The file is moved to us unless it is to be kept; a spreadsheet becomes a table.

    Raises Unusable when it is too large; then it lies where it lay.
    """
    if not keep and path.stat().st_size > settings.IMPORT_MAX_BYTES:
        limit = settings.IMPORT_MAX_BYTES // 1_000_000
        raise Unusable(_("The file is larger than %d MB; split it, or import it with the command.") % limit)
    folder().mkdir(parents=True, exist_ok=True)
    ours = folder() / uuid.uuid4().hex
    if sheets.is_spreadsheet(path):
        try:
            sheets.convert(path, ours)
        except Unusable:
            ours.unlink(missing_ok=True)
            raise
        if not keep:
            path.unlink()
        return ours
    if keep:
        return path.resolve()
    shutil.move(path, ours)
    return ours


def discard(path: Path) -> None:
    """Remove the file if it is ours."""
    if path.parent == folder():
        path.unlink(missing_ok=True)
