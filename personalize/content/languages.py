"""What depends on a person's language: the locale, a price, a fallback."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.numbers import format_currency


@lru_cache(maxsize=256)
def locale(language: str) -> Locale:
    """The locale for a BCP 47 tag, such as de-AT; the language alone when the region is not known, English failing that."""
    for tag in (language.replace("-", "_"), language.split("-")[0]):
        try:
            return Locale.parse(tag)
        except (UnknownLocaleError, ValueError, TypeError):
            continue
    return Locale("en")


@lru_cache(maxsize=4096)
def price(amount: int | None, currency: str, language: str) -> str:
    """An amount in ten-thousandths of the main unit as people read it; "" when it is not known."""
    if amount is None:
        return ""
    return str(format_currency(Decimal(amount) / 10_000, currency, locale=locale(language)))


def short_price(amount: int, currency: str, language: str) -> str:
    """The same without decimals where there is nothing after the point: £80."""
    if amount % 10_000:
        return price(amount, currency, language)
    where = locale(language)
    whole = where.currency_formats["standard"].pattern.replace(".00", "")
    return str(format_currency(amount // 10_000, currency, format=whole, locale=where, currency_digits=False))


def words(fallback: dict[str, Any], language: str, brand_language: str) -> str:
    """The fallback in the person's language, in its parent language, or in the brand's; "" when there is none."""
    for tag in (language, language.split("-")[0], brand_language, brand_language.split("-")[0]):
        if fallback.get(tag):
            return str(fallback[tag])
    return ""
