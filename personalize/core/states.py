"""Moving a row from one state to another by a conditional update: the count says who won."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import models


def move(row: models.Model, *, field: str = "state", old: Any | Iterable[Any], new: Any, **changes: Any) -> bool:
    """Set ``field`` to ``new`` where it still is ``old`` (or one of them); true when this call did it.

    ``changes`` are written in the same statement. The object in hand is brought up to date only on success.
    """
    olds = list(old) if isinstance(old, list | tuple | set | frozenset) else [old]
    won = type(row)._default_manager.filter(pk=row.pk, **{f"{field}__in": olds}).update(**{field: new}, **changes)
    if won:
        for name, value in {field: new, **changes}.items():
            if not hasattr(value, "resolve_expression"):
                setattr(row, name, value)
    return bool(won)
