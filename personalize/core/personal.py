"""The usual ways in which rows about a person are counted, handed out, erased and merged.

An app declares each of its models with ``rows_of`` in ``AppConfig.ready``; export, erasure and merging then walk the
registry and know no model by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.apps import apps
from django.db.models import Model, QuerySet

from personalize.core.registries import PersonalData

Erase = Callable[[QuerySet[Any]], int]


def delete(rows: QuerySet[Any]) -> int:
    """Remove the rows; returns how many there were."""
    gone = rows.count()
    rows.delete()
    return gone


def empty(**columns: Any) -> Erase:
    """Keep the rows and set these columns, for what must stay for the books or as proof."""
    return lambda rows: rows.update(**columns)


def rows_of(
    model: str,
    *,
    label: Any,
    fate: Any,
    via: str = "subscriber",
    erase: Erase = delete,
    merge: Callable[[Any, Any], int] | None = None,
    unique_with: Sequence[str] = (),
    hidden: Sequence[str] = (),
    handed_out: bool = True,
    order: int = 100,
) -> PersonalData:
    """Declare ``model`` ("app.Model"), whose rows lead to their person by the lookup path ``via``.

    Merging moves the rows; where the survivor has one with the same ``unique_with`` columns, the duplicate's goes. The
    export has every column but primary keys, the person and those in ``hidden``.
    """
    one, _dot, further = via.partition("__")

    def rows(person: Any) -> QuerySet[Any]:
        found: QuerySet[Any] = _manager(model).filter(**{via: person})
        return found

    def move(survivor: Any, duplicate: Any) -> int:
        if further:
            return 0  # They follow the row between, which its own declaration moves.
        moving = rows(duplicate)
        if unique_with:
            taken = set(rows(survivor).values_list(*unique_with))
            clashing = [pk for pk, *key in moving.values_list("pk", *unique_with) if tuple(key) in taken]
            _manager(model).filter(pk__in=clashing).delete()
        return moving.update(**{one: survivor})

    return PersonalData(
        model=model,
        label=label,
        count=lambda person: rows(person).count(),
        export=(lambda person: _plain(rows(person), {via, *hidden})) if handed_out else None,
        erase=lambda person: erase(rows(person)),
        merge=merge or move,
        fate=fate,
        order=order,
    )


def _manager(model: str) -> Any:
    return apps.get_model(model)._default_manager


def _plain(rows: QuerySet[Model], hidden: set[str]) -> Iterable[Mapping[str, Any]]:
    names = [
        field.name for field in rows.model._meta.concrete_fields if not field.primary_key and field.name not in hidden
    ]
    return rows.order_by("pk").values(*names).iterator()
