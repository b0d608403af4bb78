"""Strict reading of rule JSON: every refusal says where it is and what is wrong, in words a marketer understands."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

MAX_TEXT = 200
MAX_LIST = 500
MAX_NUMBER = 10**14
MONEY = 10_000


class RuleError(ValueError):
    """A rule that cannot be used. ``path`` names the place, such as ``all[1].orders.window``; ``message`` the reason."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.message = message


def at(path: str, key: str) -> str:
    """The path of ``key`` inside the thing at ``path``."""
    return f"{path}.{key}" if path else key


def table(raw: Any, path: str, *, required: Collection[str] = (), optional: Collection[str] = ()) -> Mapping[str, Any]:
    """A JSON object with these keys and no others."""
    if not isinstance(raw, dict):
        raise RuleError(path, _("Expected an object with keys."))
    for key in raw:
        if key not in required and key not in optional:
            raise RuleError(at(path, str(key)), _("This key is not known here."))
    for key in required:
        if key not in raw:
            raise RuleError(path, _("‘%(key)s’ is missing.") % {"key": key})
    return raw


def sequence(raw: Any, path: str, *, least: int = 1, most: int = MAX_LIST) -> list[Any]:
    """A JSON list with a sensible number of entries."""
    if not isinstance(raw, list):
        raise RuleError(path, _("Expected a list."))
    if len(raw) < least:
        raise RuleError(path, _("The list is empty.") if least == 1 else _("Expected %(n)d values.") % {"n": least})
    if len(raw) > most:
        raise RuleError(path, _("Expected at most %(n)d values.") % {"n": most})
    return raw


def text(raw: Any, path: str) -> str:
    """A text that is not blank."""
    if not isinstance(raw, str):
        raise RuleError(path, _("Expected a text."))
    if not raw.strip() or "\0" in raw:
        raise RuleError(path, _("The text is empty.") if not raw.strip() else _("The text holds a null character."))
    if len(raw) > MAX_TEXT:
        raise RuleError(path, _("The text is longer than %(n)d characters.") % {"n": MAX_TEXT})
    if any("\ud800" <= letter <= "\udfff" for letter in raw):
        raise RuleError(path, _("The text holds half a character."))
    return raw


def choice(raw: Any, path: str, allowed: Collection[str]) -> str:
    """One of the given words."""
    if not isinstance(raw, str) or raw not in allowed:
        raise RuleError(path, _("Expected one of: %(choices)s.") % {"choices": ", ".join(allowed)})
    return raw


def boolean(raw: Any, path: str) -> bool:
    """True or false."""
    if not isinstance(raw, bool):
        raise RuleError(path, _("Expected true or false."))
    return raw


def whole(raw: Any, path: str, *, least: int = -MAX_NUMBER, most: int = MAX_NUMBER) -> int:
    """A whole number within bounds."""
    if isinstance(raw, bool) or not isinstance(raw, int):
        raise RuleError(path, _("Expected a whole number."))
    if not least <= raw <= most:
        raise RuleError(path, _("Expected a number from %(least)d to %(most)d.") % {"least": least, "most": most})
    return raw


def number(raw: Any, path: str) -> float:
    """A number, kept as a whole one where it is."""
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise RuleError(path, _("Expected a number."))
    if not abs(raw) <= MAX_NUMBER:  # So that what is no number, NaN, is refused too.
        raise RuleError(path, _("The number is too large."))
    return raw


def money(raw: Any, path: str) -> int:
    """An amount in main units, given back in ten-thousandths."""
    amount = Decimal(str(number(raw, path))) * MONEY
    if amount != amount.to_integral_value():
        raise RuleError(path, _("Expected an amount with at most four decimals."))
    return int(amount)


def date(raw: Any, path: str) -> dt.date:
    """A calendar date such as 2026-11-19."""
    try:
        if isinstance(raw, str) and len(raw) == 10:
            return dt.date.fromisoformat(raw)
    except ValueError:
        pass  # Refused below, together with everything else that is no date.
    raise RuleError(path, _("Expected a date such as 2026-11-19."))


def moment(raw: Any, path: str) -> dt.datetime:
    """An instant; a date alone means its midnight, a time without zone is read as UTC."""
    try:
        if isinstance(raw, str):
            value = dt.datetime.fromisoformat(raw)
            return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        pass  # Refused below, together with everything else that is no date.
    raise RuleError(path, _("Expected a date such as 2026-11-19 or a time such as 2026-11-19T08:40."))


def identifier(raw: Any, path: str) -> uuid.UUID:
    """A UUID."""
    try:
        return uuid.UUID(text(raw, path))
    except ValueError:
        raise RuleError(path, _("Expected an id such as 3f2b8c1e-….")) from None
