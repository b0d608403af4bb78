"""The filters a template may use. Each returns plain text or numbers, and none can make much out of little."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from itertools import islice
from typing import Any
from urllib.parse import quote

from jinja2 import pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context

from personalize.rendering.limits import RANGE, TEXT
from personalize.rendering.links import safe_url
from personalize.rendering.missing import Missing


def bounded(text: str) -> str:
    """The text itself; SecurityError when it is longer than a template may make it."""
    if len(text) > TEXT:
        raise SecurityError(f"a text longer than {TEXT:,} characters is not available in templates")
    return text


def default(value: Any, instead: Any = "", *, false_too: bool = False) -> Any:
    """What stands there when a field is empty."""
    if isinstance(value, Missing):
        value.stand_in()
        return instead
    return instead if value is None or value == "" or (false_too and not value) else value


def prefixed(value: Any, prefix: str) -> str:
    """``prefix`` and the value, or nothing at all when the value is empty: ``{{ subscriber.first_name | prefixed(", ") }}``."""
    text = str(value)
    return f"{prefix}{text}" if text else ""


def title(value: Any) -> str:
    return " ".join(word[:1].upper() + word[1:] for word in str(value).split(" "))


def capitalize(value: Any) -> str:
    text = str(value)
    return text[:1].upper() + text[1:]


def join(value: Iterable[Any], between: str = ", ") -> str:
    """The items of a list in one text, at most a thousand of them."""
    return bounded(str(between).join(str(item) for item in islice(value, RANGE)))


def truncate(value: Any, length: int = 80, end: str = "…") -> str:
    """At most ``length`` characters, cut between words where that is possible."""
    text = str(value)
    if len(text) <= length:
        return text
    cut = text[: max(length - len(end), 0)]
    return (cut.rsplit(" ", 1)[0] or cut).rstrip() + end


def replace(value: Any, old: str, new: str) -> str:
    text = str(value)
    if old == "" or len(text) + text.count(old) * (len(str(new)) - len(old)) > TEXT:
        raise SecurityError("this replacement is not available in templates")
    return text.replace(old, str(new))


def batch(value: Iterable[Any], size: int) -> list[list[Any]]:
    """The items in rows of ``size``, at most a thousand items; the last row may be shorter."""
    items = list(islice(value, RANGE))
    size = max(int(size), 1)
    return [items[start : start + size] for start in range(0, len(items), size)]


def integer(value: Any, instead: int = 0) -> int:
    try:
        return int(str(value)[:40].strip())
    except ValueError:
        return instead


def number(value: Any, digits: int = 0) -> float | int:
    """A number rounded half away from zero; 0 for what is no number."""
    try:
        amount = float(str(value)[:40])
    except ValueError:
        return 0
    if not math.isfinite(amount):
        return 0
    scale = 10 ** min(max(int(digits), 0), 6)
    rounded = math.copysign(math.floor(abs(amount) * scale + 0.5) / scale, amount)
    return int(rounded) if digits == 0 else rounded


@pass_context
def money(context: Context, value: Any, currency: str = "") -> str:
    """An amount in ten-thousandths of the main unit, written as the reader's language does."""
    from babel.numbers import format_currency

    try:
        amount = Decimal(str(value)[:40]) / 10_000
    except InvalidOperation:
        return ""
    code = str(currency or context.get("currency") or "GBP")[:3]
    return str(format_currency(amount, code, locale=_locale(str(context.get("language") or "en"))))


@pass_context
def date(context: Context, value: Any, style: str = "long") -> str:
    """An ISO date or time, written as the reader's language does; ``style`` is short, medium, long or full."""
    from babel.dates import format_date

    try:
        day = dt.date.fromisoformat(str(value)[:10])
    except ValueError:
        return ""
    chosen = style if style in ("short", "medium", "long", "full") else "long"
    return str(format_date(day, chosen, locale=_locale(str(context.get("language") or "en"))))


@lru_cache(maxsize=64)
def _locale(language: str) -> str:
    from babel import Locale, UnknownLocaleError

    for candidate in (language.replace("-", "_"), language.split("-")[0]):
        try:
            return str(Locale.parse(candidate))
        except (UnknownLocaleError, ValueError):
            continue
    return "en"


FILTERS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "batch": batch,
    "capitalize": capitalize,
    "count": len,
    "date": date,
    "default": default,
    "d": default,
    "first": lambda value: next(iter(value), ""),
    "int": integer,
    "join": join,
    "last": lambda value: value[-1] if value else "",
    "length": len,
    "lower": lambda value: str(value).lower(),
    "money": money,
    "prefixed": prefixed,
    "replace": replace,
    "round": number,
    "string": str,
    "title": title,
    "trim": lambda value: str(value).strip(),
    "truncate": truncate,
    "upper": lambda value: str(value).upper(),
    "url": safe_url,
    "urlencode": lambda value: quote(str(value), safe=""),
}
"""By name; everything else Jinja2 brings, such as ``attr``, ``format``, ``map`` or ``safe``, is not there."""
