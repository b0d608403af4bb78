"""What becomes of rejected rows that name a person, in the tables and in files, and how long such rows are kept."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from personalize.core.personal import mentioning, rows_of, stay
from personalize.core.registries import PersonalData, Retention
from personalize.core.retention import rows_older
from segments.transfer import rejects
from segments.transfer.models import Rejection

DAYS = 30


def declared() -> list[PersonalData]:
    """A file still on its way in is left alone: the erased are recognised when it is read, and it goes when it was."""
    return [
        rows_of(
            "transfer.Rejection",
            label=_("Rejected rows of imports"),
            fate=_("deleted"),
            find=lambda person: mentioning(Rejection.objects.all(), "values", _quoted(person)),
            merge=stay,
        ),
        PersonalData(
            model="transfer.RejectsFile",
            label=_("Rows in files of rejected rows"),
            count=lambda person: sum(rejects.naming(path, _words(person)) for path in rejects.files(_folder())),
            export=None,
            erase=_scrub,
            merge=stay,
            fate=_("taken out of the files"),
        ),
    ]


def kept() -> list[Retention]:
    return [
        rows_older(
            "rejections",
            Rejection.objects.all,
            "job__created_at",
            label=_("Rejected rows of imports"),
            fate=_("deleted"),
            days=DAYS,
        ),
        Retention(
            key="reject_files",
            label=_("Files of rejected rows"),
            days=DAYS,
            count=lambda before: len(_old_files(before)),
            prune=_prune_files,
            fate=_("deleted"),
        ),
    ]


def _folder() -> Path:
    return Path(settings.VAR) / "imports"


def _words(person: Any) -> list[str]:
    """What names the person in a row: their addresses, and their ids in other systems as whole cells."""
    return [*person.addresses(), *(value.casefold() for value in person.foreign_ids())]


def _quoted(person: Any) -> list[str]:
    return [word if "@" in word else f'"{word}"' for word in _words(person)]


def _scrub(person: Any) -> int:
    words = _words(person)
    return sum(rejects.scrub(path, words) for path in rejects.files(_folder()) if rejects.naming(path, words))


def _old_files(before: dt.datetime) -> list[Path]:
    return [path for path in rejects.files(_folder()) if path.stat().st_mtime < before.timestamp()]


def _prune_files(before: dt.datetime) -> int:
    old = _old_files(before)
    for path in old:
        path.unlink()
    return len(old)
