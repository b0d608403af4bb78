"""The merge fields there are: apps register sources of fields, templates may use what is registered and nothing else."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class MergeField:
    """A field as templates spell it, such as ``subscriber.city``.

    ``fallback`` says, by language, what stands there when a person has no value; the template's own ``default`` wins.
    A ``sensitive`` field may not stand where an inbox shows it before the mail is opened.
    """

    key: str
    label: Any
    type: str
    sample: str
    fallback: dict[str, str] = field(default_factory=dict)
    sensitive: bool = False


Loader = Callable[[Sequence[int], dt.datetime, str], dict[int, dict[str, Any]]]


@dataclass(frozen=True)
class FieldSource:
    """Brings the fields under one first word, ``key``.

    ``fields()`` lists them. ``load(subscriber ids, as_of, language)`` gives the values of a batch with a fixed number of
    queries; None means that the content app knows them itself. An ``open`` source accepts any name under its word.
    """

    key: str
    label: Any
    fields: Callable[[], Iterable[MergeField]]
    load: Loader | None = None
    open: bool = False


class FieldSources:
    """All registered sources, by their first word."""

    def __init__(self) -> None:
        self._sources: dict[str, FieldSource] = {}

    def add(self, source: FieldSource) -> FieldSource:
        if source.key in self._sources:
            raise ValueError(f"{source.key!r} is registered twice.")
        self._sources[source.key] = source
        return source

    def get(self, key: str) -> FieldSource | None:
        return self._sources.get(key)

    def all(self) -> list[MergeField]:
        """Every field there is now, in the order of registration."""
        return [one for source in self._sources.values() for one in source.fields()]

    def unknown(self, paths: Iterable[str]) -> dict[str, str]:
        """The paths nobody registered, each with the nearest registered one, or "" when none is near."""
        known = [one.key for one in self.all()]
        wrong = [path for path in paths if path not in known and not self._is_open(path)]
        return {path: next(iter(difflib.get_close_matches(path, known, n=1, cutoff=0.6)), "") for path in wrong}

    def _is_open(self, path: str) -> bool:
        source = self._sources.get(path.split(".")[0])
        return source is not None and source.open and "." in path


sources = FieldSources()
