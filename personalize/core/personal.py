"""The usual ways in which rows about a person are counted, handed out, erased and merged.

An app declares each of its models with ``rows_of`` in ``AppConfig.ready``; export, erasure and merging then walk the
registry and know no model by name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.apps import apps
from django.db.models import Model, Q, QuerySet

from personalize.core.database import as_text
from personalize.core.registries import PersonalData

_CHUNK = 1_000

Erase = Callable[[QuerySet[Any]], int]


def delete(rows: QuerySet[Any]) -> int:
    """Remove the rows; returns how many there were."""
    gone = rows.count()
    rows.delete()
    return gone


def empty(**columns: Any) -> Erase:
    """Keep the rows and set these columns, for what must stay for the books or as proof."""
    return lambda rows: rows.update(**columns)


def stay(_one: Any, _other: Any) -> int:
    """The merge and the change of address of rows that follow by themselves, or stay where they are."""
    return 0


def mentioning(rows: QuerySet[Any], column: str, words: Iterable[str], *, binary: bool = False) -> QuerySet[Any]:
    """The rows whose text, JSON or bytes in ``column`` contain one of the words, in capitals or not."""
    spellings = {spelling for word in words if word for spelling in (word, json.dumps(word)[1:-1])}
    if not spellings:
        return rows.none()
    found = Q()
    for spelling in spellings:
        found |= Q(searched__icontains=spelling)
    naming: QuerySet[Any] = rows.alias(searched=as_text(column, binary=binary)).filter(found)
    return naming


def rows_of(
    model: str,
    *,
    label: Any,
    fate: Any,
    via: str = "subscriber",
    find: Callable[[Any], QuerySet[Any]] | None = None,
    erase: Erase = delete,
    merge: Callable[[Any, Any], int] | None = None,
    readdress: Callable[[Any, str], int] | None = None,
    unique_with: Sequence[str] = (),
    hidden: Sequence[str] = (),
    handed_out: bool = True,
    order: int = 100,
) -> PersonalData:
    """Declare ``model`` ("app.Model"), whose rows lead to their person by the lookup path ``via`` or, where no key does,
    are found by ``find(person)``.

    Merging moves the rows; where the survivor has one with the same ``unique_with`` columns, the duplicate's goes. What
    ``find`` finds stays unless ``merge`` says otherwise. The export has every column but primary keys, the person and
    those in ``hidden``.
    """
    one, _dot, further = via.partition("__")

    def rows(person: Any) -> QuerySet[Any]:
        if find is not None:
            return find(person)
        found: QuerySet[Any] = _manager(model).filter(**{via: person})
        return found

    def move(survivor: Any, duplicate: Any) -> int:
        if further or find is not None:
            return 0  # They follow the row between, which its own declaration moves, or they belong to the address.
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
        readdress=readdress,
        fate=fate,
        order=order,
    )


def _manager(model: str) -> Any:
    return apps.get_model(model)._default_manager


def _plain(rows: QuerySet[Model], hidden: set[str]) -> Iterator[Mapping[str, Any]]:
    """The rows as plain values; what a key leads to is given by its name, for a number says nothing outside of here."""
    fields = [field for field in rows.model._meta.concrete_fields if not field.primary_key and field.name not in hidden]
    related = [field.name for field in fields if field.is_relation]
    for row in rows.select_related(*related).order_by("pk").iterator(chunk_size=_CHUNK):
        yield {
            field.name: _name_of(getattr(row, field.name)) if field.is_relation else getattr(row, field.attname)
            for field in fields
        }


def _name_of(one: Model | None) -> str | None:
    return None if one is None else str(one)
