"""Typing of attribute values: what a shop sends in, the one form it is stored in, and why it is not taken.

Stored forms are those of AttributeDefinition; instants are written ``2026-11-19T08:40:00+00:00``, so that they sort as
text. The folded copy holds the texts, with which rules compare.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from personalize.core.database import fold
from segments.subscribers.models import AttributeDefinition, AttributeType
from segments.subscribers.types import Refusal

MAX_BYTES = 10_240
MAX_ATTRIBUTES = 100
_MAX_INT = 2**53 - 1
_INT = re.compile(r"[+-]?\d{1,16}")
_DECIMAL = re.compile(r"[+-]?(\d{1,20}(\.\d{0,10})?|\.\d{1,10})")
_TRUE, _FALSE = {"true", "yes", "y", "1"}, {"false", "no", "n", "0"}
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

Read = Callable[[AttributeDefinition, Any], Any]


def _text(definition: AttributeDefinition, raw: Any) -> Any:
    return _UNSTORABLE.sub("", str(raw)) if isinstance(raw, str | int | float | Decimal) else None


def _int(definition: AttributeDefinition, raw: Any) -> Any:
    if isinstance(raw, str) and _INT.fullmatch(raw.strip()):
        raw = int(raw)
    return raw if isinstance(raw, int) and not isinstance(raw, bool) and abs(raw) <= _MAX_INT else None


def _decimal(definition: AttributeDefinition, raw: Any) -> Any:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float | Decimal):
        return None
    if isinstance(raw, float) and not math.isfinite(raw):
        return None
    try:
        digits = str(raw).strip() if isinstance(raw, str) else format(Decimal(str(raw)), "f")
        if not _DECIMAL.fullmatch(digits):
            return None
        plain = format(Decimal(digits), "f")
    except InvalidOperation:
        return None
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain in ("-0", "") else plain


def _bool(definition: AttributeDefinition, raw: Any) -> Any:
    if isinstance(raw, bool):
        return raw
    word = fold(str(raw))
    return True if word in _TRUE else False if word in _FALSE else None


def _date(definition: AttributeDefinition, raw: Any) -> Any:
    if isinstance(raw, dt.datetime):
        return None
    try:
        return (raw if isinstance(raw, dt.date) else dt.date.fromisoformat(str(raw).strip())).isoformat()
    except ValueError:
        return None


def _datetime(definition: AttributeDefinition, raw: Any) -> Any:
    try:
        at = raw if isinstance(raw, dt.datetime) else dt.datetime.fromisoformat(str(raw).strip())
        at = at.astimezone(dt.UTC) if at.tzinfo else at.replace(tzinfo=dt.UTC)
    except (ValueError, OverflowError):
        return None
    return at.isoformat(timespec="seconds")


def _enum(definition: AttributeDefinition, raw: Any) -> Any:
    return _choices(tuple(definition.choices)).get(fold(raw)) if isinstance(raw, str) else None


@lru_cache(maxsize=64)
def _choices(choices: tuple[str, ...]) -> dict[str, str]:
    return {fold(choice): choice for choice in choices}


def items_of(text: str) -> list[str]:
    """The items of a list of choices that came as one text."""
    return re.split(r"[;|]", text)


def _multi(definition: AttributeDefinition, raw: Any) -> Any:
    given = items_of(raw) if isinstance(raw, str) else raw
    if not isinstance(given, list | tuple | set):
        return None
    found = [_enum(definition, item) for item in given if item and not (isinstance(item, str) and not item.strip())]
    return None if None in found else sorted(set(found))


_READERS: dict[str, tuple[Read, Any]] = {
    AttributeType.TEXT: (_text, gettext_lazy("is not a text")),
    AttributeType.INT: (_int, gettext_lazy("is not a whole number")),
    AttributeType.DECIMAL: (_decimal, gettext_lazy("is not a number")),
    AttributeType.BOOL: (_bool, gettext_lazy("is neither yes nor no")),
    AttributeType.DATE: (_date, gettext_lazy("is not a date such as 2026-11-19")),
    AttributeType.DATETIME: (_datetime, gettext_lazy("is not a date and time such as 2026-11-19T08:40:00Z")),
    AttributeType.ENUM: (_enum, gettext_lazy("is not one of the choices")),
    AttributeType.MULTI: (_multi, gettext_lazy("has something that is not one of the choices")),
}


def typed(definition: AttributeDefinition, raw: Any) -> Any | Refusal:
    """The stored form of ``raw`` for this attribute, or why it is not taken."""
    if isinstance(raw, str) and len(raw.encode(errors="replace")) > MAX_BYTES:
        return Refusal(definition.key, _("is longer than 10 KB"))
    read, reason = _READERS[definition.type]
    value = read(definition, raw)
    return Refusal(definition.key, str(reason)) if value is None else value


def merged(stored: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any] | Refusal:
    """Stored values with the changes applied."""
    values = {key: value for key, value in {**stored, **changed}.items() if value is not None}
    if len(values) > MAX_ATTRIBUTES:
        return Refusal("attributes", _("are more than %d") % MAX_ATTRIBUTES)
    return values


def folded(values: Mapping[str, Any]) -> dict[str, Any]:
    """The copy that texts are compared with."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, str):
            found[key] = fold(value)
        elif isinstance(value, list):
            found[key] = [fold(item) for item in value]
    return found
